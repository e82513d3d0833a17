#include "actors/exec.hpp"

#include "actors/account.hpp"
#include "actors/ssh_sink.hpp"
#include "core/shell_quote.hpp"
#include "core/signal_name.hpp"
#include "host/log.hpp"
#include "host/random.hpp"
#include "protocol/caf_error.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

namespace banger::actors {

namespace {

using self_pointer = exec_actor::stateful_pointer<exec_state>;
namespace agent = core::agent;

constexpr std::uint32_t connect_limit_ms = 30'000;
constexpr std::chrono::milliseconds ensure_limit{95'000}; ///< ask, copy, ask again
// Silence after the command's end that means: what still holds its stdout is a process it left
// behind. Long, because its output comes by other channels than its end, and a starved guest may
// take seconds between the two.
constexpr std::chrono::milliseconds drain_pause{5'000};
// An emulated guest on a loaded host starts a command in less; SSH would tell that nobody listens.
constexpr std::chrono::milliseconds longest_silence{10'000};
constexpr std::uint32_t control_credit = 64U << 10;
constexpr std::int32_t exit_not_found = 127, exit_not_executable = 126; // sh(1)

/// How an agent does not answer.
enum class silence : std::uint8_t { refused, hung_up, unanswered };

std::string title(self_pointer self) {
  const auto& request = self->state.spec.request;
  return "run '" + request.argv.front() + "' in vm '" + request.ref + "'";
}

/// Tells the client the end and goes. Closing the control channel ends what still runs.
void finish(self_pointer self, const failure& why) {
  auto& state = self->state;
  if (state.is_over)
    return;
  state.is_over = true;
  self->send(state.spec.client, exec_ended{state.spec.number, state.exit_code, state.signal, why});
  for (auto channel : {state.control, state.stdio, state.errors})
    if (channel != 0)
      state.channels->close(channel);
  self->quit();
}

void finish_well(self_pointer self) {
  finish(self, {ec::none, {}, {}, {}});
}

/// Bytes that a stream may bring before any are paid for. Those of a data port are not to be
/// chosen.
std::uint32_t output_window(self_pointer self) {
  return port::is_port(self->state.connection)
             ? port::stream_window
             : std::max(self->state.spec.request.output_credit, port::stream_window);
}

void finish_if_drained(self_pointer self) {
  auto& state = self->state;
  if (state.has_end && state.stdio_ended && (state.errors_ended || state.errors == 0))
    finish_well(self);
}

/// After the command's end, output may still come from processes it left behind; wait while it
/// does, not for as long as they live.
void watch_drain(self_pointer self) {
  if (self->state.has_end)
    self->delayed_send(self, drain_pause, step_due{++self->state.activity});
}

/// Asks for a connection of the kind wanted, and goes on with `next` once it is there.
void connect(self_pointer self, bool is_ssh_wanted, void (*next)(self_pointer)) {
  self->request(self->state.spec.way, std::chrono::milliseconds{connect_limit_ms + 5'000},
                connect_guest{connect_limit_ms, is_ssh_wanted})
      .then(
          [self, next](const guest_connected& x) {
            self->state.connection = x.connection;
            next(self);
          },
          [self](const caf::error& why) {
            auto problem = to_failure(why, "connect");
            finish(self, {problem.code, title(self), to_string(problem), problem.hint});
          });
}

void ended(self_pointer self, std::int32_t exit_code, std::int32_t signal) {
  auto& state = self->state;
  state.exit_code = exit_code;
  state.signal = signal;
  state.has_end = true;
  finish_if_drained(self);
  watch_drain(self);
}

// -- through the agent

void write_early_input(self_pointer self) {
  auto& state = self->state;
  if (!state.early_input.empty())
    state.channels->write(state.stdio, state.early_input);
  if (state.early_end)
    state.channels->send_eof(state.stdio);
}

void run_by_agent(self_pointer self) {
  auto& state = self->state;
  const auto& request = state.spec.request;
  agent::command command{host::random_bytes(agent::token_size), request.cwd, request.argv,
                         request.env};
  auto open = [self](std::string first_frame, std::size_t window) {
    return self->state.channels->open(self->state.connection, std::move(first_frame), window, self);
  };
  auto stdio_head = agent::stdio_frame(command.token);
  state.input_base = stdio_head.size();
  // All three go out together: one round trip, not three.
  state.control = open(agent::exec_frame(command), control_credit);
  state.stdio = open(std::move(stdio_head), output_window(self));
  state.errors = open(agent::stderr_frame(command.token), output_window(self));
  write_early_input(self);
  if (port::is_port(state.connection)) // whose other end nobody may hold any more
    self->delayed_send(self, longest_silence, step_due{++state.activity});
}

/// Output comes by other channels than the word that the command runs, and may overtake it. A
/// client that has no answer yet would not know whose it is.
void started(self_pointer self) {
  auto& state = self->state;
  state.is_started = true;
  state.early_input.clear();
  self->send(state.spec.client, exec_started{state.spec.number});
  for (auto& piece : std::exchange(state.early, {}))
    self->send(state.spec.client, std::move(piece));
}

/// The command could not be executed: say so where a shell would, and end with its status.
void not_started(self_pointer self, const agent::not_started& x) {
  auto& state = self->state;
  started(self);
  auto text = "banger: " + title(self) + ": " + x.text + "\n";
  self->send(state.spec.client, exec_output{state.spec.number, true, std::move(text)});
  state.exit_code = x.error == EACCES || x.error == ENOEXEC ? exit_not_executable : exit_not_found;
  finish_well(self);
}

/// Forgets a try of which nothing came.
void leave_channels(self_pointer self) {
  auto& state = self->state;
  for (auto* channel : {&state.control, &state.stdio, &state.errors})
    if (*channel != 0)
      state.channels->close(std::exchange(*channel, 0));
  state.replies = {};
  state.early.clear();
  state.unpaid.clear();
  state.stdio_ended = state.errors_ended = false;
  ++state.activity; // its timer is nobody's
}

void run_by_shell(self_pointer self);

/// What to say of an agent that does not answer, where there is no other try.
void agent_lost(self_pointer self, silence how) {
  finish(self, {ec::link_lost, title(self),
                how == silence::unanswered ? "the guest's agent did not answer in time"
                                           : "the guest's agent hung up",
                "banger vm logs " + self->state.spec.request.ref});
}

/// The agent did not answer. Where it may have taken the command before it hung up, only one of
/// another protocol is known not to have; where it was silent, one that is not there, too.
/// @returns whether there is another try
bool mend_agent(self_pointer self, silence how) {
  auto& state = self->state;
  if (state.is_started || state.was_mended || state.input_sent > 0)
    return false;
  state.was_mended = true;
  leave_channels(self);
  self->request(state.spec.way, ensure_limit, ensure_agent{})
      .then(
          [self, how](const agent_ensured& x) {
            if (how == silence::refused || x.found == agent_found::foreign ||
                (how == silence::unanswered && x.found == agent_found::absent))
              connect(self, false, run_by_agent);
            else
              agent_lost(self, how);
          },
          [self, how](const caf::error& why) {
            const auto told = to_failure(why, "see to the guest's agent");
            host::log_warning(to_string(told));
            if (how != silence::hung_up && told.code != ec::link_lost)
              run_by_shell(self);
            else
              finish(self, {told.code, title(self), to_string(told), told.hint});
          });
  return true;
}

void take_reply(self_pointer self, const agent::reply& reply) {
  if (std::holds_alternative<agent::started>(reply)) {
    started(self);
  } else if (const auto* refused = std::get_if<agent::not_started>(&reply)) {
    not_started(self, *refused);
  } else if (const auto* end = std::get_if<agent::ended>(&reply)) {
    ended(self, static_cast<std::int32_t>(end->exit_code), static_cast<std::int32_t>(end->signal));
  } else if (!mend_agent(self, silence::hung_up)) {
    finish(self, {ec::version_mismatch, title(self), "the guest's agent speaks another protocol",
                  "build the image again: banger image build"});
  }
}

// -- through sshd's shell

void open_shell(self_pointer self) {
  auto& state = self->state;
  const auto& request = state.spec.request;
  state.input_base = 0;
  state.stdio = state.io->open_exec(state.connection,
                                    core::shell_command(request.argv, request.env, request.cwd),
                                    output_window(self), make_ssh_sink(self));
  write_early_input(self);
}

void run_by_shell(self_pointer self) {
  leave_channels(self);
  connect(self, true, open_shell);
}

/// The timer that activity named last: of a command that nobody says anything about, or of one that
/// has ended.
void due(self_pointer self, const step_due& x) {
  auto& state = self->state;
  if (x.step != state.activity)
    return;
  if (!state.is_started && !mend_agent(self, silence::unanswered))
    agent_lost(self, silence::unanswered);
  // A client pays in steps, so a little is always owed; one that owes half a window is slow, and
  // more may be held back in the guest for it.
  if (state.has_end && 2 * state.unpaid.total() >= output_window(self))
    watch_drain(self);
  else if (state.has_end)
    finish_well(self);
}

void channel_ended(self_pointer self, ssh::channel_id channel) {
  auto& state = self->state;
  if (channel == state.control && !state.has_end) {
    if (!mend_agent(self, silence::hung_up)) // sshd waits for our end before it closes the channel
      agent_lost(self, silence::hung_up);
    return;
  }
  state.stdio_ended |= channel == state.stdio;
  state.errors_ended |= channel == state.errors;
  finish_if_drained(self);
}

void channel_refused(self_pointer self, const ssh_note& note) {
  auto& state = self->state;
  if (state.control != 0 && !state.is_started) { // no agent in this guest
    if (!mend_agent(self, silence::refused))
      run_by_shell(self);
    return;
  }
  finish(self, {ec::link_lost, title(self), to_string(note.why), {}});
}

void channel_closed(self_pointer self, ssh::channel_id channel) {
  auto& state = self->state;
  if (channel == state.stdio && state.control == 0 && !state.has_end) {
    finish(self, {ec::link_lost, title(self), "sshd closed the channel without a status", {}});
    return;
  }
  channel_ended(self, channel);
}

void more_input(self_pointer self, std::uint64_t sent) {
  auto& state = self->state;
  auto sent_for_client = sent > state.input_base ? sent - state.input_base : 0;
  if (sent_for_client <= state.input_sent)
    return;
  auto more = static_cast<std::uint32_t>(sent_for_client - state.input_sent);
  state.input_sent = sent_for_client;
  self->send(state.spec.client, exec_input_wanted{state.spec.number, more});
}

void take_note(self_pointer self, const ssh_note& note) {
  auto& state = self->state;
  if (note.channel == 0 || (note.channel != state.control && note.channel != state.stdio &&
                            note.channel != state.errors))
    return;
  switch (note.kind) {
    case ssh_note_kind::channel_opened:
      if (state.control == 0 && !state.is_started)
        started(self);
      return;
    case ssh_note_kind::channel_refused: channel_refused(self, note); return;
    case ssh_note_kind::channel_ended_output: channel_ended(self, note.channel); return;
    case ssh_note_kind::channel_exited:
      ended(self, static_cast<std::int32_t>(note.number),
            note.text.empty() ? 0 : core::signal_number(note.text).value_or(SIGKILL));
      return;
    case ssh_note_kind::channel_closed: channel_closed(self, note.channel); return;
    case ssh_note_kind::channel_writable:
      if (note.channel == state.stdio)
        more_input(self, note.number);
      return;
    case ssh_note_kind::connection_lost:
      finish(self, {ec::link_lost, title(self), to_string(note.why),
                    "banger vm show " + state.spec.request.ref});
      return;
    case ssh_note_kind::host_key_offered:
    case ssh_note_kind::connected: return;
  }
}

void take_data(self_pointer self, const ssh_data& data) {
  auto& state = self->state;
  if (data.channel == state.control) {
    state.channels->took(state.control, data.bytes.size());
    for (const auto& reply : state.replies.feed(data.bytes))
      if (data.channel == state.control)
        take_reply(self, reply);
    return;
  }
  if (data.channel != state.stdio && data.channel != state.errors)
    return;
  state.unpaid.add({data.channel, static_cast<std::uint32_t>(data.bytes.size())});
  exec_output piece{state.spec.number, data.is_stderr || data.channel == state.errors, data.bytes};
  if (state.is_started)
    self->send(state.spec.client, std::move(piece));
  else
    state.early.push_back(std::move(piece));
  watch_drain(self);
}

/// The client wrote `bytes`: the channels they came from may send as many again.
void pay(self_pointer self, std::uint32_t bytes) {
  for (const auto& part : self->state.unpaid.pay(bytes))
    self->state.channels->took(part.channel, part.bytes);
}

/// What comes before the command runs may have to be sent anew.
void take_input(self_pointer self, const exec_input& x) {
  auto& state = self->state;
  if (!state.is_started)
    state.early_input += x.bytes;
  if (state.stdio != 0)
    state.channels->write(state.stdio, x.bytes);
}

void take_input_end(self_pointer self) {
  auto& state = self->state;
  state.early_end = true;
  if (state.stdio != 0)
    state.channels->send_eof(state.stdio);
}

/// sshd has no way to its shell's command: there the first signal is the end of the connection.
void pass_signal(self_pointer self, std::int32_t signal) {
  auto& state = self->state;
  if (state.control != 0)
    state.channels->write(state.control, agent::signal_frame(static_cast<std::uint32_t>(signal)));
  else if (state.stdio != 0)
    finish(self, {ec::cancelled, title(self), "the guest has no agent that passes signals on", {}});
}

} // namespace

exec_actor::behavior_type exec(self_pointer self, exec_spec spec, ssh::ssh_io* io,
                               agent_channels* channels) {
  self->state.spec = std::move(spec);
  self->state.io = io;
  self->state.channels = channels;
  connect(self, false, run_by_agent);
  return {
      [self](const ssh_note& note) { take_note(self, note); },
      [self](const ssh_data& data) { take_data(self, data); },
      [self](const exec_input& x) { take_input(self, x); },
      [self](const exec_input_ended&) { take_input_end(self); },
      [self](const exec_signal& x) { pass_signal(self, x.signal); },
      [self](const exec_credit& x) { pay(self, x.bytes); },
      [self](const close_exec&) {
        finish(self, {ec::cancelled, title(self), "its client went away", {}});
      },
      [self](const describe_actor&) {
        return account_of(self, self->state.is_started ? "runs" : "is being started");
      },
      [self](const step_due& x) { due(self, x); },
  };
}

} // namespace banger::actors
