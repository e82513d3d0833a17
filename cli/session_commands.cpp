// banger session ...: guest sessions.
#include "cli/attach_stream.hpp"
#include "cli/commands.hpp"
#include "cli/detach_keys.hpp"
#include "cli/raw_terminal.hpp"
#include "cli/render.hpp"
#include "cli/session.hpp"
#include "cli/session_render.hpp"
#include "client/launch.hpp"
#include "core/session_ref.hpp"
#include "host/clock.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace banger::cli {

namespace {

constexpr std::chrono::milliseconds start_limit{130'000};

/// A PTY shows what its screen may look like; what came by pipes is shown whole.
constexpr std::uint64_t pty_tail = 16U << 10;

attach_wish attach_wish_of(const options& how, const session_info* known) {
  const auto& asked = how.session;
  attach_wish wish;
  auto& request = wish.request;
  request.ref = how.refs.front();
  // Who only watches has no say in the size of a terminal.
  request.role =
      asked.role == attach_role::writer && asked.ignores_stdin ? attach_role::viewer : asked.role;
  request.takes_over = asked.takes_over;
  request.origin = asked.origin;
  request.from = asked.from;
  if (!asked.has_origin && known != nullptr && known->config.input == session_input_kind::pty) {
    request.origin = output_origin::last;
    request.from = pty_tail;
  }
  wish.takes_input = request.role != attach_role::viewer && !asked.ignores_stdin &&
                     (known == nullptr || known->config.input != session_input_kind::closed);
  wish.detach_keys = asked.detach_keys;
  return wish;
}

int print_session(const session_info& x, const options& how, const std::string& line) {
  print(how.is_json ? json(x) : line);
  return core::exit_ok;
}

std::string title(const session_info& x) {
  return x.vm_name + "/" + x.config.name;
}

start_session start_request(const options& how) {
  start_session request{how.refs.front(), how.session.config};
  request.config.argv = how.command;
  request.config.env = how.env;
  request.config.cwd = how.cwd;
  if (request.config.input == session_input_kind::pty) {
    request.config.window = terminal_window();
    const auto* term = std::getenv("TERM");
    const auto has_term = std::any_of(how.env.begin(), how.env.end(),
                                      [](const auto& x) { return x.starts_with("TERM="); });
    if (term != nullptr && !has_term)
      request.config.env.push_back("TERM=" + std::string{term});
  }
  return request;
}

/// Starts it under a name that we have chosen, for only so we know whose a failure is.
result<session_info> start_named(client::connection& link, start_session& request) {
  for (;;) {
    auto all = link.ask<session_list>(list_sessions{request.ref}, quick_limit);
    if (!all)
      return tl::make_unexpected(all.error());
    std::vector<std::string> taken;
    for (const auto& x : all->sessions)
      taken.push_back(x.config.name);
    request.config.name = core::session_name_for(request.config.argv, taken);
    auto made = link.ask<session_info>(request, start_limit);
    if (made || made.error().code != ec::already_exists) // else somebody was quicker
      return made;
  }
}

/// Tells why a command was not started, and leaves nothing of its session behind.
/// @returns the status that a shell would exit with
int not_started(client::connection& link, const start_session& asked, const failure& why,
                const options& how) {
  const auto status = report(why, how);
  const auto ref = asked.ref + "/" + asked.config.name;
  auto left = link.ask<session_info>(get_session{ref}, quick_limit);
  if (!left || left->state != session_state::failed)
    return status;
  (void)link.ask<session_info>(delete_session{asked.ref + "/" + left->id, false}, quick_limit);
  return left->exit_code != 0 ? left->exit_code : status;
}

} // namespace

int session_start(client::connection link, const host::paths& where, const options& how) {
  auto started = link.ask<session_info>(start_request(how), start_limit);
  if (!started)
    return report(started.error(), how);
  if (!how.session.attaches)
    return print_session(*started, how, title(*started) + "\n");
  auto attach = how;
  attach.refs = {title(*started)};
  if (!how.is_json && is_terminal(STDERR_FILENO))
    print_error("banger: session " + title(*started) + "\n");
  auto wish = attach_wish_of(attach, &*started);
  wish.request.origin = output_origin::offset;
  return attach_and_stream(std::move(link), where, attach, wish);
}

/// A command on a terminal is a session that goes with its end; one that is left there stays.
int exec_as_session(client::connection link, const host::paths& where, const options& how) {
  auto started = how;
  started.session.config.input =
      how.session.is_terminal ? session_input_kind::pty : session_input_kind::pipe;
  auto request = start_request(started);
  auto made = start_named(link, request);
  if (!made)
    return not_started(link, request, made.error(), how);
  if (how.session.detaches)
    return print_session(*made, how, title(*made) + "\n");
  started.refs = {title(*made)};
  auto wish = attach_wish_of(started, &*made);
  wish.request.origin = output_origin::offset;
  const auto status = attach_and_stream(std::move(link), where, started, wish);
  if (auto again = client::connect_or_start(where, {})) // refused while it runs: somebody detached
    (void)again->ask<session_info>(delete_session{title(*made), false}, quick_limit);
  return status;
}

int session_attach(client::connection link, const host::paths& where, const options& how) {
  auto known = link.ask<session_info>(get_session{how.refs.front()}, quick_limit);
  if (!known) {
    (void)report(known.error(), how);
    return exit_not_attached;
  }
  return attach_and_stream(std::move(link), where, how, attach_wish_of(how, &*known));
}

int session_list_all(client::connection link, const options& how) {
  list_sessions request{how.refs.empty() ? std::string{} : how.refs.front()};
  auto all = link.ask<session_list>(request, quick_limit);
  if (!all)
    return report(all.error(), how);
  if (how.is_json) {
    print(json(*all));
  } else if (how.is_quiet) {
    std::string names;
    for (const auto& x : all->sessions)
      names += title(x) + "\n";
    print(names);
  } else {
    print(session_table(all->sessions, host::unix_ms()));
  }
  return core::exit_ok;
}

int session_who(client::connection link, const options& how) {
  auto all = link.ask<attach_list>(list_attaches{how.refs.front()}, quick_limit);
  if (!all)
    return report(all.error(), how);
  print(how.is_json ? json(*all) : attach_table(*all, host::unix_ms()));
  return core::exit_ok;
}

int session_wait(client::connection link, const options& how) {
  session talk{std::move(link), how};
  constexpr std::chrono::milliseconds longest{UINT32_MAX};
  auto limit =
      how.timeout_ms != 0 ? std::chrono::milliseconds{how.timeout_ms} + quick_limit : longest;
  auto over = talk.ask<session_info>(wait_session{how.refs.front(), how.timeout_ms}, limit,
                                     on_interrupt::leave);
  if (!over)
    return report(over.error(), how);
  (void)print_session(*over, how, title(*over) + " " + session_state_text(*over) + "\n");
  return over->state == session_state::exited ? status_of(*over) : core::exit_failed;
}

int session_change(client::connection link, const options& how) {
  session talk{std::move(link), how};
  std::vector<std::uint64_t> numbers;
  for (const auto& ref : how.refs) {
    if (how.what == verb::session_stop)
      numbers.push_back(talk.link().send(stop_session{ref, how.grace_ms}));
    else if (how.what == verb::session_kill)
      numbers.push_back(talk.link().send(signal_session{ref, how.session.signal}));
    else if (how.what == verb::session_delete)
      numbers.push_back(talk.link().send(delete_session{ref, how.session.is_forced}));
    else
      numbers.push_back(talk.link().send(get_session{ref}));
  }
  auto outcomes = talk.outcomes<session_info>(how.refs, numbers);
  if (!outcomes)
    return report(outcomes.error(), how);
  if (how.what == verb::session_show)
    return show_each(*outcomes, how,
                     [](const session_info& x) { return session_details(x, host::unix_ms()); });
  const auto* done = how.what == verb::session_stop   ? "stopped "
                     : how.what == verb::session_kill ? "signalled "
                                                      : "deleted ";
  return tell(*outcomes, how, [&](const session_info& x) { print(done + title(x) + "\n"); });
}

// -- send
// ------------------------------------------------------------------------------------------------

namespace {

/// Where the bytes of a send come from: its arguments, a file or stdin.
class send_source {
public:
  static result<send_source> open(const options& how) {
    send_source source;
    if (how.has_command || !how.session.texts.empty()) {
      for (const auto& text : how.session.texts)
        source.text_ += (&text == &how.session.texts.front() ? "" : " ") + text;
      if (how.session.adds_line)
        source.text_ += "\n";
      source.is_text_ = true;
    } else if (how.session.file.empty() && how.session.sends_end && is_terminal(STDIN_FILENO)) {
      source.is_text_ = true; // only the end: nobody wants to type here first
    } else if (!how.session.file.empty()) {
      source.file_.reset(::open(how.session.file.c_str(), O_RDONLY | O_CLOEXEC));
      if (!source.file_)
        return fail_errno("open " + how.session.file);
    }
    return source;
  }

  /// The next piece; empty at the end.
  result<std::string> read() {
    if (is_text_)
      return std::exchange(text_, {});
    std::string bytes(piece, '\0');
    const auto fd = file_ ? file_.get() : STDIN_FILENO;
    for (;;) {
      auto n = ::read(fd, bytes.data(), bytes.size());
      if (n >= 0) {
        bytes.resize(static_cast<std::size_t>(n));
        return bytes;
      }
      if (errno != EINTR)
        return fail_errno("read what is to be sent");
    }
  }

private:
  static constexpr std::size_t piece = 64U << 10;
  std::string text_;
  bool is_text_ = false;
  host::unique_fd file_;
};

/// Until all that was told is on its way: the next read of ours may take long.
result<void> flush(client::connection& link) {
  while (link.wants_write()) {
    if (auto ok = link.pump(); !ok)
      return ok;
    pollfd waiting{link.fd(), POLLOUT, 0};
    if (link.wants_write())
      (void)::poll(&waiting, 1, -1);
  }
  return {};
}

/// Sends all of it, as the command's input takes it.
result<std::uint64_t> send_all(client::connection& link, const options& how, send_source& source) {
  attach_session request;
  request.ref = how.refs.front();
  request.role = attach_role::sender;
  request.client = client_label();
  auto attached = link.ask<session_attached>(request, start_limit);
  if (!attached)
    return tl::make_unexpected(attached.error());
  std::uint64_t credit = attached->input_credit;
  failure refused{ec::none, {}, {}, {}};
  auto take = [&](const client::incoming& message) {
    if (auto wanted = client::decode<attach_input_wanted>(message))
      credit += wanted->bytes;
    else if (auto no = client::decode<attach_input_refused>(message))
      refused = no->why;
    else if (auto end = client::decode<attach_ended>(message))
      refused = {ec::wrong_state,
                 "send input to session '" + request.ref + "'",
                 end->why.code == ec::none ? "it is over" : to_string(end->why),
                 {}};
    else if (auto notice = client::decode<attach_noticed>(message))
      print_error("banger: " + notice->text + "\n");
  };
  std::uint64_t sent = 0;
  for (;;) {
    auto bytes = source.read();
    if (!bytes)
      return tl::make_unexpected(bytes.error());
    if (bytes->empty())
      break;
    for (std::size_t at = 0; at < bytes->size() && refused.code == ec::none;) {
      while (credit == 0 && refused.code == ec::none) {
        auto message = link.next(client::clock::time_point::max());
        if (!message)
          return tl::make_unexpected(message.error());
        take(*message);
      }
      const auto count = std::min<std::uint64_t>(credit, bytes->size() - at);
      link.tell(attach_input{attached->attach, bytes->substr(at, count)});
      at += count;
      credit -= count;
      sent += count;
    }
    if (auto ok = flush(link); !ok)
      return tl::make_unexpected(ok.error());
    if (refused.code != ec::none)
      return tl::make_unexpected(refused);
  }
  if (how.session.sends_end)
    link.tell(attach_input_ended{attached->attach});
  auto done = link.ask<session_detached>(detach_session{attached->attach}, operation_limit, take);
  if (!done)
    return tl::make_unexpected(refused.code != ec::none ? refused : done.error());
  return sent;
}

} // namespace

int session_send(client::connection link, const options& how) {
  auto source = send_source::open(how);
  if (!source)
    return report(source.error(), how);
  auto sent = send_all(link, how, *source);
  if (!sent)
    return report(sent.error(), how);
  if (how.is_json)
    print("{\"sent_bytes\": " + std::to_string(*sent) + "}\n");
  return core::exit_ok;
}

} // namespace banger::cli
