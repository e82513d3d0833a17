// What an async_client has under way, by the numbers that the daemon's messages carry.
#pragma once

#include "client/connection.hpp"
#include "include/banger/async_client.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

namespace banger::client {

inline constexpr milliseconds quick_limit{15'000};
inline constexpr milliseconds operation_limit{3'700'000}; // the daemon's own are shorter, say more

class stream;

class async_state {
public:
  explicit async_state(connection x) : link(std::move(x)) {}

  /// @returns the number of the request
  template <class T, class Request>
  std::uint64_t ask(const Request& request, milliseconds limit, answer<T> then) {
    const auto number = link.send(request);
    const auto deadline = clock::now() + limit;
    deadlines_.emplace(deadline, number);
    asked_.emplace(number, question{deadline, [then = std::move(then)](result<incoming> x) {
                                      if (then)
                                        then(x ? decode<T>(*x) : tl::make_unexpected(x.error()));
                                    }});
    return number;
  }

  /// Takes in a stream that a request with this number opens.
  stream_id open(std::uint64_t number, std::shared_ptr<stream> x);
  /// The daemon has it under this number: its messages carry that.
  void is_open(const stream& x);
  void close(const stream& x);

  [[nodiscard]] std::shared_ptr<stream> find(stream_id x) const;
  void forget(stream_id x);

  void follow(subscribe_events from, event_handlers handlers);
  void unfollow();
  void on_stage(std::function<void(const stage_entered&)> handler) {
    on_stage_ =
        handler ? std::make_shared<decltype(handler)>(std::move(handler)) : decltype(on_stage_){};
  }

  void take(const incoming& message);
  void fail_late(clock::time_point now);
  void fail_all(const failure& why);

  [[nodiscard]] clock::time_point first_deadline() const {
    return deadlines_.empty() ? clock::time_point::max() : deadlines_.begin()->first;
  }
  [[nodiscard]] bool is_idle() const { return asked_.empty() && streams_.empty() && !events_; }

  connection link;

private:
  struct question {
    clock::time_point deadline;
    std::function<void(result<incoming>)> then;
  };
  using numbers = std::map<std::uint64_t, stream_id>;

  void answered(std::uint64_t number, result<incoming> x);
  void take_event(const incoming& message);
  void end_events(result<void> how);

  std::map<std::uint64_t, question> asked_; ///< by the number of the request
  std::set<std::pair<clock::time_point, std::uint64_t>> deadlines_;
  std::map<stream_id, std::shared_ptr<stream>> streams_; ///< by the request that opened them
  numbers commands_, attaches_;                          ///< by the daemon's
  std::shared_ptr<std::function<void(const stage_entered&)>> on_stage_;
  std::vector<std::shared_ptr<event_handlers>> waiting_events_; ///< for the daemon's answer
  std::shared_ptr<event_handlers> events_;
  std::uint32_t unpaid_events_ = 0;
};

} // namespace banger::client
