// One connection to a daemon, without CAF: it speaks the wire format directly, so that a program
// that only asks starts in a millisecond. Not thread-safe. Nothing here starts a daemon (see
// launch.hpp).
#pragma once

#include "client/carrier.hpp"
#include "core/basp.hpp"
#include "protocol/requests.hpp"
#include "protocol/result.hpp"
#include "protocol/wire_types.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace banger::client {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// One message from the daemon, still encoded.
struct incoming {
  std::uint64_t request = 0; ///< the request it answers; 0 for an event
  std::string type;          ///< wire name of its content; "@error" where the request failed
  std::string content;
};

/// Decodes a message of type T; a failed request's failure otherwise.
template <class T>
result<T> decode(const incoming& message) {
  if (message.type == "@error") {
    auto why = core::basp::decode_error(message.content);
    return tl::make_unexpected(why ? *why : why.error());
  }
  T value;
  core::wire_reader in{message.content};
  in.get(value);
  if (message.type != wire_name<T> || !in.ok())
    return fail(
        ec::version_mismatch, "the daemon answered with '" + message.type + "'",
        "expected '" + std::string{wire_name<T>} + "'",
        "client and daemon may be of different builds; 'banger daemon stop' ends the old one");
  return value;
}

class connection {
public:
  /// Connects, shakes hands and says hello.
  /// Errors: unreachable (nobody listens, or it hung up), timed_out, version_mismatch, unsafe_path
  /// (the socket belongs to somebody else).
  static result<connection> open(const std::string& socket_path, milliseconds timeout);

  /// Connects through a program that carries the daemon's socket over its standard input and
  /// output, as `banger daemon connect` does at the end of an ssh. @param host  for messages.
  /// Errors: as of open; missing_program.
  static result<connection> open_through(const std::vector<std::string>& argv,
                                         const std::string& host, milliseconds timeout);

  connection(connection&& other) noexcept;
  connection& operator=(connection&& other) noexcept;
  connection(const connection&) = delete;
  ~connection();

  /// Sends a request. @returns its number, which the reply carries.
  template <class Request>
  std::uint64_t send(const Request& x) {
    auto number = ++last_request_;
    queue(core::basp::message_frame(wire_name<Request>, x, number, self_actor, session_));
    return number;
  }

  /// Sends a message that has no reply.
  template <class Event>
  void tell(const Event& x) {
    queue(core::basp::message_frame(wire_name<Event>, x, 0, self_actor, session_));
  }

  /// Sends a request and waits for its reply; events that come meanwhile go to `on_event`.
  template <class Reply, class Request>
  result<Reply> ask(const Request& x, milliseconds timeout,
                    const std::function<void(const incoming&)>& on_event = {}) {
    auto number = send(x);
    auto deadline = clock::now() + timeout;
    for (;;) {
      auto message = next(deadline);
      if (!message)
        return tl::make_unexpected(message.error());
      if (message->request == number)
        return decode<Reply>(*message);
      if (message->request == 0 && on_event)
        on_event(*message);
    }
  }

  /// The next message, waiting for it. Errors: timed_out, unreachable (the daemon is gone).
  result<incoming> next(clock::time_point deadline);

  /// For an own poll loop: wait for POLLIN on fd(), and POLLOUT while wants_write(); then call
  /// pump(), then pop() until it is empty.
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool wants_write() const { return !out_.empty(); }
  [[nodiscard]] std::size_t unsent_bytes() const { return out_.size(); }

  /// Moves what can be moved without waiting. Errors: unreachable, version_mismatch; they are told
  /// once all that came before has been popped.
  result<void> pump();

  /// Takes a received message. @returns false where there is none.
  bool pop(incoming& message);
  [[nodiscard]] bool has_received() const { return !received_.empty(); }

  /// Why there was no answer in time.
  [[nodiscard]] failure late() const;

  [[nodiscard]] const welcome& greeting() const { return greeting_; }

  /// The daemon said that it is ending, as it does when it was told to; a crash says nothing.
  [[nodiscard]] bool was_dismissed() const { return was_dismissed_; }

private:
  static constexpr std::uint64_t self_actor = 1; // our only "actor"; any number but 0 will do

  explicit connection(int fd) : fd_(fd) {}
  result<void> greet(clock::time_point deadline);
  [[nodiscard]] tl::unexpected<failure> gone(std::string why) const;
  result<void> shake_hands(clock::time_point deadline);
  result<void> say_hello(clock::time_point deadline);
  result<void> wait_ready(clock::time_point deadline);
  result<bool> read_some();
  result<void> write_some();
  result<void> parse();
  result<void> handle_frame(const core::basp::header& head, std::string_view payload);
  void breaks(failure why);
  void queue(std::string frame) { out_ += frame; }
  void close();

  int fd_ = -1;
  std::optional<carrier> carrier_; ///< what it goes through; none: a socket of this machine
  std::string in_;
  std::string out_;
  std::deque<incoming> received_;
  core::basp::node_bytes node_;
  core::basp::server_handshake server_;
  bool has_server_ = false;
  std::uint64_t session_ = 0; ///< the daemon's actor that serves us
  std::uint64_t last_request_ = 0;
  std::uint64_t last_sender_ = 0;
  welcome greeting_;
  failure broken_{ec::none, {}, {}, {}}; ///< why it can carry no more
  bool was_dismissed_ = false;
};

} // namespace banger::client
