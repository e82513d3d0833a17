#include "actors/agent_install.hpp"

#include "actors/ssh_sink.hpp"
#include "core/agent_frames.hpp"
#include "core/agent_script.hpp"
#include "core/sha256.hpp"
#include "host/log.hpp"
#include "protocol/caf_error.hpp"

#include <utility>

namespace banger::actors {

namespace {

using self_pointer = agent_install_actor::stateful_pointer<agent_install_state>;

// An agent that is there answers at once; these are for an emulated guest on a loaded host.
constexpr std::chrono::milliseconds answer_limit{10'000}, copy_limit{60'000};
constexpr std::size_t channel_credit = 256U << 10;
constexpr std::size_t most_said = 2U << 10;

std::string what_of(self_pointer self) {
  return "give vm '" + self->state.spec.vm_name + "' an agent";
}

void leave_channel(self_pointer self) {
  if (self->state.channel != 0)
    self->state.spec.io->close_channel(std::exchange(self->state.channel, 0));
}

void publish(self_pointer self, const char* kind, const std::string& detail) {
  const auto& spec = self->state.spec;
  host::log_info("vm '" + spec.vm_name + "': " + detail);
  if (spec.events)
    self->send(spec.events, publish_event{kind, spec.vm_name, detail});
}

void fail_with(self_pointer self, const failure& why) {
  leave_channel(self);
  publish(self, "vm.agent_missing", to_string(why));
  self->state.reply.deliver(to_error(why));
  self->quit();
}

void succeed(self_pointer self) {
  auto& state = self->state;
  leave_channel(self);
  const auto is_new = state.found != agent_found::ours;
  if (is_new)
    publish(self, "vm.agent_installed",
            state.found == agent_found::absent
                ? "its agent did not answer; ours was copied there and started"
                : "its agent is of another version; ours was copied there and started");
  state.reply.deliver(agent_ensured{state.found});
  self->quit();
}

void begin_phase(self_pointer self, install_phase phase, std::chrono::milliseconds limit) {
  self->state.phase = phase;
  self->delayed_send(self, limit, step_due{++self->state.step});
}

/// A list of sessions is short, changes nothing, and says of which version its agent is.
void ask_agent(self_pointer self, install_phase phase) {
  auto& state = self->state;
  leave_channel(self);
  begin_phase(self, phase, answer_limit);
  state.frames = {};
  state.channel =
      state.spec.io->open_unix(state.spec.connection, std::string{core::agent::socket_path},
                               session_wire::list(), channel_credit, make_ssh_sink(self));
}

void copy_agent(self_pointer self, agent_found found) {
  auto& state = self->state;
  const auto& program = *state.spec.program;
  leave_channel(self);
  state.found = found;
  if (program.bytes.empty()) {
    fail_with(self, {ec::missing_program, what_of(self), program.path + " is not there",
                     "install banger anew"});
    return;
  }
  begin_phase(self, install_phase::copying, copy_limit);
  state.channel = state.spec.io->open_exec(
      state.spec.connection, core::agent_install_command(core::sha256_hex(program.bytes)),
      channel_credit, make_ssh_sink(self));
  state.spec.io->write(state.channel, program.bytes);
  state.spec.io->send_eof(state.channel);
}

/// There was no answer: nobody listens, or whoever does hung up or speaks otherwise.
void no_answer(self_pointer self, agent_found found) {
  if (self->state.phase == install_phase::asking)
    copy_agent(self, found);
  else
    fail_with(self, {ec::failed, what_of(self), "the one that was started does not answer",
                     "look at it: banger vm ssh " + self->state.spec.vm_name});
}

void copied(self_pointer self) {
  auto& state = self->state;
  if (state.status == 0)
    ask_agent(self, install_phase::asking_again);
  else
    fail_with(self, core::agent_install_failure(state.spec.vm_name, state.status, state.said));
}

void take_note(self_pointer self, const ssh_note& note) {
  auto& state = self->state;
  if (note.channel == 0 || note.channel != state.channel)
    return;
  const auto copies = state.phase == install_phase::copying;
  switch (note.kind) {
    case ssh_note_kind::connection_lost:
      fail_with(self, {ec::link_lost, what_of(self), to_string(note.why), {}});
      return;
    case ssh_note_kind::channel_refused:
      if (copies)
        fail_with(self, {ec::link_lost, what_of(self), to_string(note.why), {}});
      else
        no_answer(self, agent_found::absent);
      return;
    case ssh_note_kind::channel_exited:
      state.status = note.text.empty() ? static_cast<std::int32_t>(note.number) : -1;
      return;
    case ssh_note_kind::channel_ended_output:
      if (!copies)
        no_answer(self, agent_found::foreign);
      return;
    case ssh_note_kind::channel_closed:
      if (copies)
        copied(self);
      else
        no_answer(self, agent_found::foreign);
      return;
    case ssh_note_kind::host_key_offered:
    case ssh_note_kind::connected:
    case ssh_note_kind::channel_opened:
    case ssh_note_kind::channel_writable: return;
  }
}

void take_data(self_pointer self, const ssh_data& data) {
  auto& state = self->state;
  if (data.channel != state.channel)
    return;
  state.spec.io->credit(data.channel, data.bytes.size());
  if (state.phase == install_phase::copying) {
    state.said += data.bytes;
    if (state.said.size() > most_said)
      state.said.erase(0, state.said.size() - most_said);
    return;
  }
  state.frames.feed(data.bytes);
  session_wire::reply x;
  if (!state.frames.next(x))
    return;
  if (std::holds_alternative<session_wire::listed>(x))
    succeed(self);
  else
    no_answer(self, agent_found::foreign);
}

void due(self_pointer self, std::uint64_t step) {
  auto& state = self->state;
  if (step != state.step)
    return;
  if (state.phase == install_phase::copying)
    fail_with(self, {ec::timed_out, what_of(self), "the guest takes too long to take it",
                     "banger vm logs " + state.spec.vm_name});
  else
    no_answer(self, agent_found::foreign);
}

caf::result<agent_ensured> begin(self_pointer self) {
  self->state.reply = self->make_response_promise<agent_ensured>();
  auto reply = self->state.reply;
  ask_agent(self, install_phase::asking);
  return reply;
}

} // namespace

agent_install_actor::behavior_type agent_install(self_pointer self, agent_install_spec spec) {
  self->state.spec = std::move(spec);
  return {
      [self](const ssh_note& x) { take_note(self, x); },
      [self](const ssh_data& x) { take_data(self, x); },
      [self](const ensure_agent&) { return begin(self); },
      [self](const step_due& x) { due(self, x.step); },
  };
}

} // namespace banger::actors
