// libbanger's client for programs with an event loop of their own: any number of requests, commands
// and attaches under way at once on one connection, and no call waits. Needs no actor system and
// makes no thread.
//
//   auto banger = banger::client::async_client::connect();
//   banger->start("box", [&](auto vm) { if (vm) banger->run("box", {"make"}, {}, {...}); });
//   while (!banger->is_idle())
//     banger->wait();             // or poll fd() among others, and call process()
//
// Handlers are called from process() and wait(), and nowhere else, in the order in which things
// happened. They may call anything of the client but these two, and must not destroy it. Not
// thread-safe. A client that is destroyed calls none: what it ran ends, and its ephemeral VMs;
// sessions go on.
#pragma once

#include "client_types.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace banger::client {

/// Called once: with what was asked for, or with why there is none.
template <class T>
using answer = std::function<void(result<T>)>;

/// Names a command or an attach of one client. Never given twice.
using stream_id = std::uint64_t;

struct command_handlers {
  output_handler on_output{};
  /// Last. The texts are empty.
  answer<finished_command> on_end{};
};

/// Whether `command_options::input` is all of it, or send_input() adds to it until end_input().
enum class more_input : bool { no, yes };

struct event_handlers {
  /// @returns false to hear of no more
  std::function<bool(const event_happened&)> on_event{};
  std::function<void(const events_missed&)> on_missed{};
  /// Last. No failure where on_event wanted no more.
  answer<void> on_end{};
};

class async_state;

class async_client {
public:
  static constexpr std::chrono::milliseconds forever = std::chrono::milliseconds::max();

  /// Connects, which waits: about a millisecond on this machine, at most `how.timeout`. Errors:
  /// unreachable, version_mismatch, bad_request, not_found (no such host).
  [[nodiscard]] static result<async_client> connect(const connect_options& how = {});

  async_client(async_client&&) noexcept;
  async_client& operator=(async_client&&) noexcept;
  ~async_client();

  // -- the loop

  /// The same one as long as the client lives; not to be read, written or closed. Poll it for
  /// POLLIN, and for POLLOUT while wants_write() says so, for patience() at most.
  [[nodiscard]] int fd() const;
  [[nodiscard]] bool wants_write() const;

  /// Until process() must be called though nothing is ready; `forever`: never.
  [[nodiscard]] std::chrono::milliseconds patience() const;

  /// Moves what can be moved without waiting, and calls handlers. Errors: unreachable, after which
  /// all handlers have been called with it and connect() is the way on; where the way to another
  /// host broke this takes up to two seconds, for what its program has to say.
  result<void> process();

  /// Polls, for `limit` or until something is ready, then processes it.
  result<void> wait(std::chrono::milliseconds limit = forever);

  /// Nothing is under way: no handler will be called.
  [[nodiscard]] bool is_idle() const;

  // -- requests. Errors: see the request of the same name in protocol/requests.hpp; timed_out.

  /// Called with each stage of long requests.
  void on_stage(std::function<void(const stage_entered&)> handler);

  void status(answer<daemon_status> then);
  void create(const vm_config& config, answer<vm_info> then);
  /// @param owner_token  of whom acts for the owner of the VM; 0: it is not compared
  void start(const std::string& ref, answer<vm_info> then, std::uint64_t owner_token = 0);
  void stop(const std::string& ref, answer<vm_info> then, std::uint32_t grace_ms = 0);
  void kill(const std::string& ref, answer<vm_info> then);
  void remove(const std::string& ref, answer<vm_info> then, std::uint64_t owner_token = 0);
  void get(const std::string& ref, answer<vm_info> then);
  void list(answer<vm_list> then);
  void images(answer<image_list> then);
  void renew(const renew_owner& lease, answer<owner_lease> then);
  /// Cancels what was asked for and has not ended: creates, starts, stops, deletes. Each still
  /// answers.
  void cancel_all(answer<done> then);

  void start_session(const std::string& vm, const session_config& config,
                     answer<session_info> then);
  void get_session(const std::string& ref, answer<session_info> then);
  void sessions(const std::string& vm, answer<session_list> then);
  void stop_session(const std::string& ref, std::uint32_t grace_ms, answer<session_info> then);
  void delete_session(const std::string& ref, answer<session_info> then);

  // -- commands and attaches

  /// Runs a command. Errors told to on_end: as of open_exec; what broke it.
  stream_id run(const std::string& ref, const std::vector<std::string>& argv,
                const command_options& how, command_handlers handlers,
                more_input more = more_input::no);

  /// Hands on a session's output from `offset` until it is over, or on_output says false; as
  /// `writer` it takes input, too. A client attaches to a session once. Errors told to `then`: as
  /// of attach_session; unreachable, after which attaching at the last offset goes on.
  stream_id attach(const std::string& ref, std::uint64_t offset, attach_handlers handlers,
                   answer<attach_outcome> then, attach_role role = attach_role::viewer);

  /// Leaves it: `then` of the attach gets where it left, once what input there was is taken.
  void detach(stream_id attach);

  /// Gives input to a command or an attach. It is kept here until it can be sent. Of a stream that
  /// has ended it goes nowhere.
  void send_input(stream_id to, std::string_view bytes);
  [[nodiscard]] std::size_t unsent_input(stream_id of) const;
  void end_input(stream_id of);

  /// Sends a signal to a command's process group. @param number  Linux'
  void signal(stream_id command, int number);

  /// No more output than is on its way (1 MiB at most) until go_on(): the command waits, a
  /// session's is kept.
  void hold(stream_id x);
  void go_on(stream_id x);

  /// None of its handlers is called any more. An attach is left; a command goes on until the client
  /// ends.
  void forget(stream_id x);

  /// Gives one piece of input to a session, whole, without seeing its output. It is an attach, so
  /// none of this client's to that session may be there. Errors: as of attach_session; wrong_state.
  void send_input(const std::string& session, const std::string& bytes, answer<void> then);

  // -- events

  /// Hands on what happens, from where `from` wants it; its credit is ignored. A client does this
  /// once, also after unfollow(). Errors told to on_end: as of subscribe_events; unreachable, after
  /// which events_from::after the last sequence goes on.
  void follow(subscribe_events from, event_handlers handlers);

  /// None of its handlers is called any more.
  void unfollow();

private:
  explicit async_client(std::unique_ptr<async_state> x);
  std::unique_ptr<async_state> state_;
};

} // namespace banger::client
