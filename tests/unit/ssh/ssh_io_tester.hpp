// What the tests of ssh_io share: a sink that records, and an engine connected to a real sshd.
#pragma once

#include "ssh/ssh_io.hpp"
#include "tests/support/test_sshd.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace banger::ssh::test {

/// Records the events of one connection or channel. Thread-safe.
class recorder : public sink {
public:
  void on_event(connection_id connection, channel_id channel, event what) override;

  /// Waits until an event of this type has come. Fails the test after 60 s.
  template <class T>
  T wait() {
    T found;
    wait_until([&](const recorder& self) {
      auto* seen = self.find<T>();
      if (seen != nullptr)
        found = *seen;
      return seen != nullptr;
    });
    return found;
  }
  void wait_until(const std::function<bool(const recorder&)>& done);
  void wait_for_bytes(std::size_t count);

  template <class T>
  bool has() {
    auto lock = std::lock_guard(mutex_);
    return find<T>() != nullptr;
  }
  template <class T>
  std::size_t count() {
    auto lock = std::lock_guard(mutex_);
    std::size_t found = 0;
    for (const auto& each : events_)
      found += std::holds_alternative<T>(each);
    return found;
  }
  std::string out();
  std::string err();
  std::size_t byte_count();
  /// The kinds of events in their order, data folded to one: "opened data eof exit closed".
  std::string order();
  std::size_t event_count();

  /// Called for each event, on the I/O thread, before it is recorded. Set it before the first
  /// event.
  std::function<void(connection_id, channel_id, const event&)> hook;
  bool keeps_bytes = true;

private:
  template <class T>
  [[nodiscard]] const T* find() const {
    for (const auto& each : events_)
      if (auto* found = std::get_if<T>(&each))
        return found;
    return nullptr;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<event> events_; // without data
  std::string order_;
  std::string out_;
  std::string err_;
  std::size_t bytes_ = 0;
};

/// More credit than any test uses.
constexpr std::size_t plenty = 1u << 30;

/// An engine and one sshd; connect() accepts the host key.
class ssh_bench {
public:
  explicit ssh_bench(const std::string& extra_config = {}) : server(extra_config) {}

  [[nodiscard]] target to_server() const;
  connection_id connect();
  /// As connect(), with the sink for the connection's own events.
  connection_id connect(const target& whom, const std::shared_ptr<recorder>& events);
  std::pair<channel_id, std::shared_ptr<recorder>>
  exec(connection_id connection, const std::string& command, std::size_t credit = plenty);
  /// Runs a command to its end.
  std::shared_ptr<recorder> run(connection_id connection, const std::string& command);

  banger::test::test_sshd server;
  ssh_io io;
};

} // namespace banger::ssh::test
