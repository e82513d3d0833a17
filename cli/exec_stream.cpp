#include "cli/exec_stream.hpp"

#include "cli/session.hpp"
#include "cli/terminal.hpp"
#include "core/exit_code.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace banger::cli {

namespace {

constexpr std::uint32_t output_credit = 1U << 20;
constexpr std::uint32_t credit_step = 128U << 10;
constexpr std::size_t input_piece = 32U << 10;
constexpr std::size_t most_unsent = 512U << 10; // of input, before we read more of it

/// One running command. Standard streams are shared with other processes, so they are not made
/// non-blocking: stdin is read when poll says so, and a write to a slow stdout may wait. That is
/// fine, for meanwhile the daemon sends no more than the credit, and the guest's command is held
/// back.
class stream {
public:
  stream(client::connection& link, std::uint64_t number, std::uint32_t input_credit)
      : link_(link), number_(number), input_credit_(input_credit) {
    if (::fcntl(STDIN_FILENO, F_GETFD) < 0)
      end_input();
  }

  result<int> run() {
    while (!is_over_) {
      if (auto ok = take_messages(); !ok)
        return tl::make_unexpected(ok.error());
      if (is_over_)
        break;
      if (auto ok = wait(); !ok)
        return tl::make_unexpected(ok.error());
    }
    if (problem_.code != ec::none)
      return tl::make_unexpected(problem_);
    return status_;
  }

private:
  [[nodiscard]] bool wants_input() const {
    return !input_ended_ && input_credit_ > 0 && link_.unsent_bytes() < most_unsent;
  }

  result<void> wait() {
    pollfd waiting[] = {
        {link_.fd(), static_cast<short>(POLLIN | (link_.wants_write() ? POLLOUT : 0)), 0},
        {signals_.fd(), POLLIN, 0},
        {wants_input() ? STDIN_FILENO : -1, POLLIN, 0}};
    if (::poll(waiting, 3, -1) < 0 && errno != EINTR)
      return fail_errno("wait");
    if (auto signal = signals_.take(); signal != 0)
      signalled(signal);
    if (waiting[2].revents != 0)
      read_input();
    return link_.pump();
  }

  void signalled(int signal) {
    if (signal != SIGINT || was_interrupted_)
      ::_exit(core::exit_signalled + signal);
    was_interrupted_ = true;
    link_.tell(exec_signal{number_, signal});
  }

  void read_input() {
    std::string bytes(std::min<std::size_t>(input_piece, input_credit_), '\0');
    auto n = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
      return;
    if (n <= 0) {
      end_input();
      return;
    }
    bytes.resize(static_cast<std::size_t>(n));
    input_credit_ -= static_cast<std::uint32_t>(n);
    link_.tell(exec_input{number_, std::move(bytes)});
  }

  void end_input() {
    input_ended_ = true;
    link_.tell(exec_input_ended{number_});
  }

  result<void> take_messages() {
    client::incoming message;
    while (!is_over_ && link_.pop(message)) {
      if (message.type == wire_name<exec_output>) {
        if (auto output = client::decode<exec_output>(message))
          write_output(*output);
      } else if (auto wanted = client::decode<exec_input_wanted>(message)) {
        input_credit_ += wanted->bytes;
      } else if (auto end = client::decode<exec_ended>(message)) {
        ended(*end);
      }
    }
    return {};
  }

  void write_output(const exec_output& output) {
    auto fd = output.is_stderr ? STDERR_FILENO : STDOUT_FILENO;
    if (!write_all(fd, output.bytes))
      ::_exit(core::exit_signalled + SIGPIPE); // nobody reads: end quietly, and the command with us
    written_ += static_cast<std::uint32_t>(output.bytes.size());
    if (written_ >= credit_step) {
      link_.tell(exec_credit{number_, written_});
      written_ = 0;
    }
  }

  void ended(const exec_ended& end) {
    is_over_ = true;
    problem_ = end.why;
    status_ = end.signal != 0 ? core::exit_signalled + end.signal : end.exit_code;
  }

  client::connection& link_;
  signal_watch signals_;
  std::uint64_t number_;
  std::uint32_t input_credit_;
  std::uint32_t written_ = 0; ///< bytes of output that are not paid for yet
  bool input_ended_ = false;
  bool was_interrupted_ = false;
  bool is_over_ = false;
  int status_ = 0;
  failure problem_{ec::none, {}, {}, {}};
};

} // namespace

result<int> stream_exec(client::connection& link, const options& how, const std::string& ref) {
  open_exec request{ref, how.command, how.env, how.cwd, output_credit};
  constexpr std::chrono::milliseconds limit{60'000};
  auto opened = link.ask<exec_opened>(request, limit);
  if (!opened)
    return tl::make_unexpected(opened.error());
  return stream{link, opened->exec, opened->input_credit}.run();
}

} // namespace banger::cli
