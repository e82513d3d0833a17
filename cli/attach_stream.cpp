#include "cli/attach_stream.hpp"

#include "cli/detach_keys.hpp"
#include "cli/output_stream.hpp"
#include "cli/raw_terminal.hpp"
#include "cli/session.hpp"
#include "cli/session_render.hpp"
#include "client/launch.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <poll.h>
#include <unistd.h>

namespace banger::cli {

namespace {

using std::chrono::milliseconds;

// What the daemon may hold for a client that stands still.
constexpr std::uint64_t output_credit = 512U << 10;
constexpr std::uint64_t credit_step = 64U << 10;
constexpr std::size_t input_piece = 32U << 10;
constexpr std::size_t most_unsent = 256U << 10;
constexpr milliseconds attach_limit{40'000};
constexpr milliseconds first_pause{20};
constexpr milliseconds longest_pause{500};
constexpr std::chrono::seconds patience{60}; ///< for another daemon

/// How one attach came to its end.
struct ending {
  enum class kind : std::uint8_t {
    over,     ///< the session is, or what there was of it has been shown
    detached, ///< we wanted to go
    broken,   ///< the daemon is gone: there may be another one
    refused,  ///< it was not to be had
    dropped,
  };
  kind what = kind::over;
  failure why{ec::none, {}, {}, {}};
  bool may_start_daemon = true;
  session_info session;
};

class attach_view {
public:
  attach_view(client::connection link, const host::paths& where, const options& how,
              const attach_wish& wish)
      : link_(std::move(link)), where_(where), how_(how), wish_(wish), request_(wish.request),
        keys_(wish.detach_keys), takes_input_(wish.takes_input) {
    request_.client = client_label();
    request_.credit = output_credit;
  }

  int run() {
    auto attached = attach();
    if (!attached) {
      const auto status = report(attached.error(), how_);
      return wish_.is_status_passed ? exit_not_attached : status;
    }
    if (takes_input_ && attached->session.config.input == session_input_kind::pty)
      terminal_.make_raw();
    for (;;) {
      auto end = stream();
      if (end.what != ending::kind::broken)
        return finish(end);
      if (auto back = reconnect(end); !back) {
        terminal_.restore();
        (void)report(back.error(), how_);
        return exit_dropped;
      }
    }
  }

private:
  result<session_attached> attach() {
    request_.window = request_.role == attach_role::viewer ? window_size{} : terminal_window();
    unpaid_ = 0;
    early_.clear();
    auto reply = link_.ask<session_attached>(request_, attach_limit, [this](const auto& message) {
      early_.push_back(message); // output does not wait for us to read the answer
    });
    if (!reply)
      return reply;
    attach_ = reply->attach;
    input_credit_ = reply->input_credit;
    sent_input_ = taken_input_ = 0;
    offset_ = reply->offset;
    return reply;
  }

  // -- one attach
  // ------------------------------------------------------------------------------------------

  ending stream() {
    end_.reset();
    for (auto& message : early_)
      take(message);
    early_.clear();
    for (;;) {
      client::incoming message;
      while (!end_ && link_.pop(message))
        take(message);
      if (auto ok = flush(); !ok)
        return {ending::kind::dropped, ok.error(), false, {}};
      if (end_ && out_.is_empty() && errors_.is_empty())
        return *end_;
      wait();
    }
  }

  [[nodiscard]] bool wants_input() const {
    return takes_input_ && !end_ && input_credit_ > 0 && link_.unsent_bytes() < most_unsent;
  }

  void wait() {
    pollfd waiting[] = {{end_ ? -1 : link_.fd(),
                         static_cast<short>(POLLIN | (link_.wants_write() ? POLLOUT : 0)), 0},
                        {signals_.fd(), POLLIN, 0},
                        {resizes_.fd(), POLLIN, 0},
                        {wants_input() ? STDIN_FILENO : -1, POLLIN, 0},
                        {out_.is_empty() ? -1 : out_.fd(), POLLOUT, 0},
                        {errors_.is_empty() ? -1 : errors_.fd(), POLLOUT, 0}};
    (void)::poll(waiting, std::size(waiting), -1);
    if (auto signal = signals_.take(); signal != 0)
      signalled(signal);
    if (auto signal = resizes_.take(); signal != 0)
      terminal_signalled(signal);
    if (waiting[3].revents != 0)
      read_input();
    if (end_)
      return;
    if (auto ok = link_.pump(); !ok)
      end_ = ending{ending::kind::broken, ok.error(), !link_.was_dismissed(), {}};
  }

  /// Ctrl-C is the guest's where the terminal is; elsewhere it ends the watching, not the command.
  void signalled(int signal) {
    if (signal == SIGINT)
      end_ = ending{ending::kind::detached, {ec::none, {}, {}, {}}, false, {}};
    else
      leave(core::exit_signalled + signal);
  }

  void terminal_signalled(int signal) {
    if (signal == SIGTSTP)
      terminal_.suspend();
    if (request_.role != attach_role::viewer && !end_)
      link_.tell(attach_resized{attach_, terminal_window()});
  }

  void read_input() {
    std::string bytes(std::min<std::size_t>(input_piece, input_credit_), '\0');
    auto n = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
      return;
    if (n <= 0) { // the end of ours is not the end of everybody's: that takes session send --eof
      takes_input_ = false;
      return;
    }
    bytes.resize(static_cast<std::size_t>(n));
    if (terminal_.is_raw()) {
      bytes = keys_.feed(bytes);
      if (keys_.is_found())
        end_ = ending{ending::kind::detached, {ec::none, {}, {}, {}}, false, {}};
    }
    if (bytes.empty())
      return;
    input_credit_ -= static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size(), input_credit_));
    sent_input_ += bytes.size();
    link_.tell(attach_input{attach_, std::move(bytes)});
  }

  void take(const client::incoming& message) {
    if (message.type == wire_name<attach_output>) {
      if (auto x = client::decode<attach_output>(message))
        show(*x);
    } else if (auto gap = client::decode<attach_gap>(message)) {
      show(*gap);
    } else if (auto wanted = client::decode<attach_input_wanted>(message)) {
      input_credit_ += wanted->bytes;
      taken_input_ += wanted->bytes;
    } else if (auto refused = client::decode<attach_input_refused>(message)) {
      takes_input_ = false;
      say(to_string(refused->why));
    } else if (auto notice = client::decode<attach_noticed>(message)) {
      say(notice->text);
    } else if (auto end = client::decode<attach_ended>(message)) {
      ended(*end);
    }
  }

  void show(const attach_output& x) {
    offset_ = x.offset + x.bytes.size();
    auto& to = x.is_stderr ? errors_ : out_;
    if (!(x.is_stderr ? wish_.shows_stderr : wish_.shows_stdout))
      skipped_ += x.bytes.size();
    else if (how_.is_json) {
      out_.add(output_json(x));
      skipped_ += x.bytes.size(); // paid by its size, which is not the text's
    } else
      to.add(x.bytes);
  }

  void show(const attach_gap& x) {
    offset_ = x.to;
    if (how_.is_json)
      out_.add(gap_json(x));
    else
      say(std::to_string(x.to - x.from) + " bytes of output are lost: " + std::to_string(x.from) +
          " to " + std::to_string(x.to));
  }

  void say(const std::string& text) {
    if (how_.is_json)
      errors_.add(notice_json(text));
    else
      errors_.add("banger: " + text + (terminal_.is_raw() ? "\r\n" : "\n"));
  }

  void ended(const attach_ended& x) {
    if (x.how != attach_end::dropped)
      end_ = ending{ending::kind::over, x.why, false, x.session};
    else if (x.why.code == ec::unreachable || x.why.code == ec::link_lost)
      end_ = ending{ending::kind::broken, x.why, false, x.session};
    else
      end_ = ending{ending::kind::dropped, x.why, false, x.session};
  }

  /// Nobody reads what we write: quietly, as every tool in a pipe does.
  result<void> flush() {
    std::uint64_t written = std::exchange(skipped_, 0);
    for (auto* to : {&out_, &errors_}) {
      auto done = to->flush();
      if (!done && errno == EPIPE)
        leave(core::exit_signalled + SIGPIPE);
      if (!done)
        return fail_errno("write the output");
      written += how_.is_json ? 0 : *done;
    }
    unpaid_ += written;
    if (unpaid_ >= credit_step && !end_)
      link_.tell(attach_credit{attach_, std::exchange(unpaid_, 0)});
    return {};
  }

  // -- the daemon is gone
  // ------------------------------------------------------------------------------------

  /// @returns whether we are attached again
  result<void> reconnect(const ending& broken) {
    const auto until = client::clock::now() + patience;
    auto pause = first_pause;
    auto last = broken.why;
    const auto is_daemon_there = broken.why.code == ec::link_lost;
    if (!broken.may_start_daemon && !is_daemon_there)
      say_now("the daemon has ended; waiting for the next one");
    const auto unsure = sent_input_ - taken_input_;
    while (client::clock::now() < until) {
      client::launch_options launch;
      launch.may_start = broken.may_start_daemon;
      auto link = client::connect_or_start(where_, launch);
      if (link) {
        link_ = std::move(*link);
        request_.origin = output_origin::offset;
        request_.from = offset_;
        auto back = attach();
        if (back) {
          say_now((is_daemon_there ? "attached again, " : "daemon restarted, ") +
                  std::to_string(back->offset > request_.from ? back->offset - request_.from : 0) +
                  " bytes lost");
          if (unsure > 0)
            say_now("of the last " + std::to_string(unsure) +
                    " bytes of input nobody knows whether they arrived");
          return {};
        }
        last = back.error();
        if (last.code != ec::unreachable && last.code != ec::timed_out &&
            last.code != ec::link_lost)
          return tl::make_unexpected(last);
      } else {
        last = link.error();
      }
      pollfd waiting{signals_.fd(), POLLIN, 0};
      (void)::poll(&waiting, 1, static_cast<int>(pause.count()));
      if (auto signal = signals_.take(); signal != 0)
        leave(core::exit_signalled + signal);
      pause = std::min(2 * pause, longest_pause);
    }
    return tl::make_unexpected(last);
  }

  void say_now(const std::string& text) {
    say(text);
    (void)flush();
  }

  // -- the end
  // -----------------------------------------------------------------------------------------------

  int finish(const ending& end) {
    if (end.what == ending::kind::detached) {
      constexpr milliseconds short_limit{2'000};
      (void)link_.ask<session_detached>(detach_session{attach_}, short_limit);
      terminal_.restore();
      if (!how_.is_json && is_terminal(STDERR_FILENO))
        print_error("banger: detached; the command runs on: banger session attach " + request_.ref +
                    "\n");
      return core::exit_ok;
    }
    terminal_.restore();
    if (end.what == ending::kind::dropped) {
      (void)report(end.why, how_);
      return exit_dropped;
    }
    if (how_.is_json)
      print(end_json(end.session));
    if (!wish_.is_status_passed) {
      if (end.why.code == ec::none)
        return core::exit_ok;
      (void)report(end.why, how_);
      return exit_dropped;
    }
    if (end.session.state == session_state::exited)
      return status_of(end.session);
    (void)report({ec::failed, "session '" + request_.ref + "' is " + to_string(end.session.state),
                  end.session.error, "banger session show " + request_.ref},
                 how_);
    return exit_dropped;
  }

  client::connection link_;
  const host::paths& where_;
  const options& how_;
  const attach_wish& wish_;
  attach_session request_;
  signal_watch signals_;
  terminal_signals resizes_;
  raw_terminal terminal_;
  detach_scanner keys_;
  output_stream out_{STDOUT_FILENO};
  output_stream errors_{STDERR_FILENO};
  std::vector<client::incoming> early_; ///< came before the answer
  std::uint64_t attach_ = 0;
  std::uint64_t offset_ = 0; ///< of the next byte of output
  std::uint64_t unpaid_ = 0; ///< bytes that were written, or not wanted
  std::uint64_t skipped_ = 0;
  std::uint32_t input_credit_ = 0;
  std::uint64_t sent_input_ = 0; ///< bytes, in this attach
  std::uint64_t taken_input_ = 0;
  bool takes_input_;
  std::optional<ending> end_;
};

} // namespace

std::string client_label() {
  const auto* user = std::getenv("LOGNAME"); // getpwuid(3) has no place in a static program
  return (user != nullptr && *user != '\0' ? std::string{user}
                                           : "uid " + std::to_string(::geteuid())) +
         ", process " + std::to_string(::getpid());
}

int status_of(const session_info& session) {
  return session.signal != 0 ? core::exit_signalled + session.signal : session.exit_code;
}

int attach_and_stream(client::connection link, const host::paths& where, const options& how,
                      const attach_wish& wish) {
  return attach_view{std::move(link), where, how, wish}.run();
}

} // namespace banger::cli
