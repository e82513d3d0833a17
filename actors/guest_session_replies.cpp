// What the guest's agent says, and what becomes of a session by it.
#include "actors/guest_session_steps.hpp"
#include "host/fault_point.hpp"

#include <cerrno>
#include <memory>
#include <utility>

namespace banger::actors {

namespace {

constexpr std::chrono::milliseconds other_version_pause{5'000}; ///< the agent may be replaced
constexpr std::int32_t exit_not_found = 127, exit_not_executable = 126; // sh(1)

/// @param has_spoken  it said something good before; else it may be somebody else's agent
void of_another_version(guest_session_pointer self, ssh::channel_id channel, bool has_spoken) {
  auto& state = self->state;
  apply_output(self); // what came before it is good
  state.channels->close(channel);
  if (channel == state.launching.id && !std::exchange(state.was_launch_tried, true)) {
    state.launching = {};
    state.may_have_started = true;
    mend_agent(self);
    return;
  }
  if (!has_spoken && channel != state.launching.id &&
      !std::exchange(state.was_version_mended, true)) {
    mend_agent(self);
    return;
  }
  const failure why{ec::version_mismatch, "work on session '" + title(self) + "'",
                    "the guest's agent speaks another protocol",
                    "build the image again: banger image build; then make the VM anew"};
  if (channel == state.launching.id) {
    state.launching = {};
    settle_failed(self, why.why, "agent");
  }
  drop_attaches(self, why);
}

/// What a shell exits with where a command cannot be started; 0: it would have started it.
std::int32_t shell_status(const session_wire::refused& x) {
  if (x.step != session_step_exec && x.step != session_step_cwd)
    return 0;
  return x.error == EACCES || x.error == ENOEXEC ? exit_not_executable : exit_not_found;
}

std::string step_hint(session_step step) {
  switch (step) {
    case session_step_cwd: return "--cwd names a folder of the guest";
    case session_step_require: return "install it in the guest, or in the image's recipe";
    case session_step_limit: return "banger session list shows them; stop or delete some";
    case session_step_folder: return "is the guest's disk full? banger vm exec VM -- df -h";
    case session_step_none:
    case session_step_exists:
    case session_step_pty:
    case session_step_spawn:
    case session_step_exec: break;
  }
  return {};
}

void control_refused(guest_session_pointer self, const session_wire::refused& x) {
  auto& state = self->state;
  state.control = {};
  if (x.error != ENOENT) {
    try_again(self);
  } else if (state.spec.record.info.state == session_state::starting) {
    settle_failed(self, "the daemon or the guest's agent ended before it was started", "start");
  } else {
    session_wire::ended gone;
    gone.how = session_how_lost;
    gone.text = "what the guest kept of it is gone";
    settle(self, gone, true);
  }
}

} // namespace

void launch_reply(guest_session_pointer self, const session_wire::reply& x) {
  auto& state = self->state;
  const auto channel = state.launching.id;
  auto& info = state.spec.record.info;
  (void)host::fault_at("session.ask", host::fault_moment::after);
  if (const auto* ok = std::get_if<session_wire::started>(&x)) {
    state.launching = {};
    state.channels->close(channel);
    info.state = session_state::running;
    info.started_at_ms = static_cast<std::int64_t>(ok->at_ms);
    save(self, "session.started");
    publish(self);
    if (state.launched.pending())
      state.launched.deliver(info_of(self));
    reach_guest(self);
  } else if (const auto* no = std::get_if<session_wire::refused>(&x)) {
    state.launching = {};
    state.channels->close(channel);
    if (no->step == session_step_exists) { // the answer to an earlier try was lost
      if (state.launched.pending())
        state.launched.deliver(info_of(self));
      reach_guest(self);
      return;
    }
    info.exit_code = shell_status(*no);
    settle_failed(self, no->text, session_step_name(no->step), step_hint(no->step));
  } else {
    of_another_version(self, channel, false);
  }
}

void control_reply(guest_session_pointer self, const session_wire::reply& x) {
  auto& state = self->state;
  auto& info = state.spec.record.info;
  if (const auto* here = std::get_if<session_wire::here>(&x)) {
    if (here->phase == session_phase_running && info.state == session_state::starting) {
      info.state = session_state::running;
      save(self);
      publish(self);
    }
  } else if (const auto* end = std::get_if<session_wire::ended>(&x)) {
    state.channels->close(state.control.id);
    state.control = {};
    settle(self, *end, true);
  } else if (const auto* taken = std::get_if<session_wire::input_taken>(&x)) {
    input_was_taken(self, taken->total);
  } else if (std::holds_alternative<session_wire::input_refused>(x)) {
    input_was_refused(self);
  } else if (const auto* no = std::get_if<session_wire::refused>(&x)) {
    control_refused(self, *no);
  } else {
    const auto gone = std::exchange(state.control, {});
    input_was_lost(self);
    of_another_version(self, gone.id, gone.has_spoken);
    if (state.reconnect_step == 0)
      state.reconnect_step = after(self, other_version_pause);
  }
}

bool feed_reply(guest_session_pointer self, ssh::channel_id channel, core::source_id source,
                const session_wire::reply& x) {
  auto& state = self->state;
  auto is_good = true;
  if (const auto* here = std::get_if<session_wire::here>(&x)) {
    state.output.begins(source, here->start);
  } else if (const auto* out = std::get_if<session_wire::output>(&x)) {
    is_good =
        state.output.arrived(source, std::make_shared<const output_piece>(make_output(
                                         self->id(), out->offset, out->is_stderr, out->bytes)));
  } else if (const auto* gap = std::get_if<session_wire::gap>(&x)) {
    is_good = state.output.arrived(
        source, std::make_shared<const output_piece>(make_gap(self->id(), gap->from, gap->to)));
  } else if (std::holds_alternative<session_wire::ended>(x) ||
             std::holds_alternative<session_wire::quiet>(x)) {
    state.feeds.erase(channel);
    state.channels->close(channel);
    if (const auto* end = std::get_if<session_wire::ended>(&x))
      settle(self, *end, true);
    state.output.ended(source);
    return false;
  } else if (const auto* no = std::get_if<session_wire::refused>(&x)) {
    state.feeds.erase(channel);
    state.output.broke(source);
    apply_output(self);
    if (no->error == ENOENT)
      drop_attaches(self, {ec::not_found,
                           "attach to session '" + title(self) + "'",
                           "what the guest kept of it is gone",
                           {}});
    else
      try_again(self);
    return false;
  } else {
    is_good = false;
  }
  if (!is_good) {
    const auto has_spoken = state.feeds.at(channel).has_spoken;
    state.feeds.erase(channel);
    if (!has_spoken)
      state.output.broke(source);
    of_another_version(self, channel, has_spoken);
  }
  return is_good;
}

void removed(guest_session_pointer self, const session_wire::reply& x) {
  auto& state = self->state;
  (void)host::fault_at("session.remove", host::fault_moment::after);
  state.channels->close(std::exchange(state.removing, {}).id);
  if (std::holds_alternative<session_wire::removed>(x)) {
    state.spec.record.is_settled = true;
    state.is_removed = true;
    go_on_deleting(self);
  } else {
    try_again(self); // it is just ending
  }
}

} // namespace banger::actors
