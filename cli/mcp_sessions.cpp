// Tools for sessions: a part of mcp_server.hpp.
#include "cli/mcp_server.hpp"
#include "cli/mcp_text.hpp"
#include "cli/rpc_send.hpp"
#include "cli/rpc_values.hpp"
#include "cli/session_render.hpp"
#include "core/session_ref.hpp"

#include <algorithm>

namespace banger::cli::mcp {

using rpc::flag_in;
using rpc::number_in;
using rpc::text_in;

namespace {

constexpr std::size_t read_by_default = 32U << 10;
constexpr std::chrono::milliseconds more_may_come{200}; ///< once there is output

/// One read, between its hooks.
struct reading {
  std::string session;
  std::size_t most = 0;
  std::string text, gaps;
  std::uint64_t start = 0, next = 0; ///< offsets
  std::string state;
  rpc::attachment* way = nullptr;
  bool is_full = false;

  void take(const attach_output& x) {
    const auto room = most - std::min(most, text.size());
    if (is_full || room == 0) {
      is_full = true;
      return;
    }
    if (text.empty())
      start = x.offset;
    text.append(x.bytes, 0, room);
    next = x.offset + std::min(room, x.bytes.size());
    is_full = text.size() >= most;
  }
  /// What was read already is not read on behind it.
  void take(const attach_gap& x) {
    if (is_full)
      return;
    gaps += "\n[" + std::to_string(x.to - x.from) +
            " bytes of output are lost: " + std::to_string(x.from) + " to " + std::to_string(x.to) +
            "]";
    text += text.empty() ? "" : "\n[output is lost here]\n";
    next = x.to;
  }
  [[nodiscard]] std::string said() {
    if (is_full) { // the next read begins with a character
      const auto whole = whole_characters(text);
      next -= text.size() - whole;
      text.resize(whole);
    }
    return session + " " + state + "; " +
           (text.empty() ? "no output from offset " + std::to_string(next) + " on"
                         : "output from offset " + std::to_string(start)) +
           "; next offset " + std::to_string(next) + gaps + (text.empty() ? "" : ":\n" + text);
  }
};

} // namespace

void server::start_session_of(const call_pointer& call) {
  const auto& asked = call->arguments;
  auto argv = command_of(text_in(asked, "command"), rpc::texts_in(asked, "argv"));
  if (!argv)
    return finish(call, argv.error());
  session_config config;
  config.name = text_in(asked, "name");
  config.argv = std::move(*argv);
  config.env = rpc::pairs_in(asked, "env");
  config.cwd = text_in(asked, "cwd");
  config.input = flag_in(asked, "terminal") ? session_input_kind::pty : session_input_kind::pipe;
  if (auto ok = core::check_session_config(config); !ok)
    return finish(call, ok.error());
  ask<session_info>(call, start_session{text_in(asked, "sandbox"), config}, operation_limit,
                    [this, call](const session_info& x) {
                      finish(call, x.vm_name + "/" + x.config.name + " " + to_string(x.state));
                    });
}

/// It is over when the daemon has let go of it too: the next read may come at once.
void server::read_session(const call_pointer& call) {
  const auto& asked = call->arguments;
  auto link = loop_.link();
  if (!link)
    return finish(call, link.error());
  const std::chrono::seconds patience{number_in<std::int64_t>(asked, "wait_s")};
  auto now = std::make_shared<reading>();
  now->session = text_in(asked, "session");
  now->most = number_in<std::size_t>(asked, "max_bytes", read_by_default);
  const auto leave = [this, call, now] {
    now->way->is_over = true;
    call->cancel = [] {};
    const auto question = loop_.ask(detach_session{now->way->number()}, quick_limit,
                                    [this, call, now](const auto&) { finish(call, now->said()); });
    if (!question)
      finish(call, now->said());
  };
  rpc::attach_hooks hooks;
  hooks.attached = [now](const session_attached& x) {
    now->start = now->next = x.offset;
    now->state = session_state_text(x.session);
  };
  hooks.refused = [this, call](const failure& why) { finish(call, why); };
  hooks.gap = [now](const attach_gap& x) { now->take(x); };
  hooks.output = [now, leave](const attach_output& x) {
    if (now->is_full)
      return;
    now->take(x);
    now->way->deadline = std::min(now->way->deadline, client::clock::now() + more_may_come);
    if (now->is_full)
      leave();
  };
  hooks.ended = [this, call, now, leave](const attach_ended& how) {
    if (how.why.code == ec::timed_out && how.session.id.empty()) // our own time
      return leave();
    if (how.how == attach_end::dropped)
      return finish(call, how.why);
    now->state = session_state_text(how.session);
    finish(call, now->said());
  };
  attach_session request;
  request.ref = now->session;
  request.from = number_in<std::uint64_t>(asked, "offset");
  request.follows = patience.count() > 0;
  auto& made = loop_.jobs().add(
      std::make_unique<rpc::attachment>(**link, std::move(request), std::move(hooks)));
  now->way = &made;
  made.deadline = client::clock::now() + (patience.count() > 0 ? patience : quick_limit);
  call->cancel = [&made] { made.end({ec::timed_out, "read a session", "cancelled", {}}); };
}

void server::send_session(const call_pointer& call) {
  const auto& asked = call->arguments;
  auto bytes = text_in(asked, "text") + (flag_in(asked, "enter", true) ? "\n" : "");
  rpc::send_whole(loop_, text_in(asked, "session"), bytes, flag_in(asked, "end"),
                  [this, call](const result<std::uint64_t>& sent) {
                    if (sent)
                      finish(call, "sent " + std::to_string(*sent) + " bytes");
                    else
                      finish(call, sent.error());
                  });
}

void server::stop_session_of(const call_pointer& call) {
  constexpr std::uint32_t second_ms = 1000;
  const auto grace_ms = second_ms * number_in<std::uint32_t>(call->arguments, "grace_s");
  ask<session_info>(call, stop_session{text_in(call->arguments, "session"), grace_ms},
                    operation_limit,
                    [this, call](const session_info& x) { finish(call, session_line(x)); });
}

void server::list_sessions_of(const call_pointer& call) {
  ask<session_list>(call, list_sessions{text_in(call->arguments, "sandbox")}, quick_limit,
                    [this, call](const session_list& all) {
                      std::string lines;
                      for (const auto& x : all.sessions)
                        lines += (lines.empty() ? "" : "\n") + session_line(x);
                      finish(call, lines.empty() ? "there are no sessions" : lines);
                    });
}

} // namespace banger::cli::mcp
