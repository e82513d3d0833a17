#include "cli/exec_stream.hpp"

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

constexpr std::uint32_t output_credit = 1U << 20;
constexpr std::uint32_t credit_step = 128U << 10;
constexpr std::size_t input_piece = 32U << 10;
constexpr std::size_t most_unsent = 512U << 10; // of input, before we read more of it

/// One running command. Output that our reader does not take is not paid for, so the daemon stops
/// sending and the command in the guest waits.
class stream {
public:
  stream(session& talk, const exec_opened& opened)
      : link_(talk.link()), signals_(talk.signals()), number_(opened.exec),
        input_credit_(opened.input_credit) {}

  result<int> run() {
    for (;;) {
      take_messages();
      if (auto ok = flush(); !ok)
        return tl::make_unexpected(ok.error());
      if (is_over_ && out_.is_empty() && errors_.is_empty())
        break;
      if (auto ok = wait(); !ok && !is_over_)
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
    pollfd waiting[] = {{is_over_ ? -1 : link_.fd(),
                         static_cast<short>(POLLIN | (link_.wants_write() ? POLLOUT : 0)), 0},
                        {signals_.fd(), POLLIN, 0},
                        {wants_input() && !is_over_ ? STDIN_FILENO : -1, POLLIN, 0},
                        {out_.is_empty() ? -1 : out_.fd(), POLLOUT, 0},
                        {errors_.is_empty() ? -1 : errors_.fd(), POLLOUT, 0}};
    if (::poll(waiting, std::size(waiting), -1) < 0 && errno != EINTR)
      return fail_errno("wait");
    if (auto signal = signals_.take(); signal != 0)
      signalled(signal);
    if (waiting[2].revents != 0)
      read_input();
    return is_over_ ? result<void>{} : link_.pump();
  }

  /// The first one is the command's, as if it ran here; it may want to put things in order. After
  /// that whoever sends one wants an end.
  void signalled(int signal) {
    if (was_signalled_)
      ::_exit(core::exit_signalled + signal);
    was_signalled_ = true;
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

  void take_messages() {
    client::incoming message;
    while (!is_over_ && link_.pop(message)) {
      if (message.type == wire_name<exec_output>) {
        if (auto output = client::decode<exec_output>(message))
          (output->is_stderr ? errors_ : out_).add(output->bytes);
      } else if (auto wanted = client::decode<exec_input_wanted>(message)) {
        input_credit_ += wanted->bytes;
      } else if (auto end = client::decode<exec_ended>(message)) {
        ended(*end);
      }
    }
  }

  /// Where our output cannot go on the command ends with us: quietly where nobody reads.
  result<void> flush() {
    for (auto* to : {&out_, &errors_}) {
      auto done = to->flush();
      if (!done && errno == EPIPE)
        ::_exit(core::exit_signalled + SIGPIPE);
      if (!done)
        return fail_errno("write the output");
      written_ += static_cast<std::uint32_t>(*done);
    }
    if (written_ >= credit_step && !is_over_) {
      link_.tell(exec_credit{number_, written_});
      written_ = 0;
    }
    return {};
  }

  void ended(const exec_ended& end) {
    is_over_ = true;
    problem_ = end.why;
    status_ = end.signal != 0 ? core::exit_signalled + end.signal : end.exit_code;
  }

  client::connection& link_;
  signal_watch& signals_;
  std::uint64_t number_;
  std::uint32_t input_credit_;
  output_stream out_{STDOUT_FILENO};
  output_stream errors_{STDERR_FILENO};
  std::uint32_t written_ = 0; ///< bytes of output that are not paid for yet
  bool input_ended_ = false;
  bool was_signalled_ = false;
  bool is_over_ = false;
  int status_ = 0;
  failure problem_{ec::none, {}, {}, {}};
};

} // namespace

result<int> stream_exec(session& talk, const std::string& ref) {
  const auto& how = talk.how();
  open_exec request{ref, how.command, how.env, how.cwd, output_credit};
  constexpr std::chrono::milliseconds limit{60'000};
  auto opened = talk.ask<exec_opened>(request, limit, on_interrupt::leave);
  if (!opened)
    return tl::make_unexpected(opened.error());
  return stream{talk, *opened}.run();
}

} // namespace banger::cli
