#include "cli/exec_stream.hpp"

#include "cli/exec_channel.hpp"
#include "cli/output_stream.hpp"
#include "cli/terminal.hpp"
#include "core/exit_code.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iterator>
#include <poll.h>
#include <unistd.h>

namespace banger::cli {

namespace {

constexpr std::size_t input_piece = 32U << 10;

/// One running command. Output that our reader does not take is not paid for, so the daemon stops
/// sending and the command in the guest waits.
class stream {
public:
  stream(session& talk, const exec_opened& opened, const exec_ends& ends)
      : link_(talk.link()), signals_(talk.signals()), command_(talk.link(), opened), in_(ends.in),
        out_(ends.out), errors_(ends.err) {
    if (in_ < 0)
      command_.end_input();
  }

  result<exec_done> run() {
    for (;;) {
      take_messages();
      if (auto ok = flush(); !ok)
        return tl::make_unexpected(ok.error());
      if (command_.is_over() && out_.is_empty() && errors_.is_empty())
        break;
      if (auto ok = wait(); !ok && !command_.is_over())
        return tl::make_unexpected(ok.error());
    }
    if (command_.problem().code != ec::none)
      return tl::make_unexpected(command_.problem());
    return exec_done{command_.status(), taken_};
  }

private:
  result<void> wait() {
    auto is_over = command_.is_over();
    pollfd waiting[] = {{is_over ? -1 : link_.fd(),
                         static_cast<short>(POLLIN | (link_.wants_write() ? POLLOUT : 0)), 0},
                        {signals_.fd(), POLLIN, 0},
                        {command_.room() > 0 ? in_ : -1, POLLIN, 0},
                        {out_.is_empty() ? -1 : out_.fd(), POLLOUT, 0},
                        {errors_.is_empty() ? -1 : errors_.fd(), POLLOUT, 0}};
    if (::poll(waiting, std::size(waiting), -1) < 0 && errno != EINTR)
      return fail_errno("wait");
    if (auto signal = signals_.take(); signal != 0)
      signalled(signal);
    if (waiting[2].revents != 0)
      read_input();
    return is_over ? result<void>{} : link_.pump();
  }

  /// The first one is the command's, as if it ran here; it may want to put things in order. After
  /// that whoever sends one wants an end.
  void signalled(int signal) {
    if (was_signalled_)
      ::_exit(core::exit_signalled + signal);
    was_signalled_ = true;
    command_.signal(signal);
  }

  void read_input() {
    std::string bytes(std::min(input_piece, command_.room()), '\0');
    auto n = ::read(in_, bytes.data(), bytes.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
      return;
    if (n <= 0) {
      command_.end_input();
      return;
    }
    bytes.resize(static_cast<std::size_t>(n));
    taken_ += static_cast<std::uint64_t>(n);
    command_.send(std::move(bytes));
  }

  void take_messages() {
    client::incoming message;
    while (!command_.is_over() && link_.pop(message))
      command_.take(message);
    out_.add(command_.take_output());
    errors_.add(command_.take_errors());
  }

  /// Where our output cannot go on the command ends with us: quietly where nobody reads.
  result<void> flush() {
    for (auto* to : {&out_, &errors_}) {
      auto done = to->flush();
      if (!done && errno == EPIPE)
        ::_exit(core::exit_signalled + SIGPIPE);
      if (!done)
        return fail_errno("write the output");
      command_.pay(*done);
    }
    return {};
  }

  client::connection& link_;
  signal_watch& signals_;
  exec_channel command_;
  std::uint64_t taken_ = 0; ///< bytes of input
  int in_;
  output_stream out_, errors_;
  bool was_signalled_ = false;
};

result<exec_done> run(session& talk, const open_exec& request, const exec_ends& ends) {
  constexpr std::chrono::milliseconds limit{60'000};
  auto opened = talk.ask<exec_opened>(request, limit, on_interrupt::leave);
  if (!opened)
    return tl::make_unexpected(opened.error());
  return stream{talk, *opened, ends}.run();
}

} // namespace

result<exec_done> run_in_guest(session& talk, const std::string& ref,
                               const std::vector<std::string>& argv, const exec_ends& ends) {
  return run(talk, open_exec{ref, argv, {}, {}, exec_channel::output_credit}, ends);
}

result<int> stream_exec(session& talk, const std::string& ref, const std::string& folder) {
  const auto& how = talk.how();
  auto done = run(talk,
                  open_exec{ref, how.command, how.env, how.cwd.empty() ? folder : how.cwd,
                            exec_channel::output_credit},
                  {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO});
  return done ? result<int>{done->status} : tl::make_unexpected(done.error());
}

} // namespace banger::cli
