// What a VM's actor does when it begins: its VM may run, be half started, half deleted, or dead.
#include "actors/vm_steps.hpp"
#include "core/vm_record_check.hpp"

namespace banger::actors {

namespace {

/// An operation of our own, with nobody waiting for it.
void begin_own(vm_pointer self, order_kind kind) {
  auto& state = self->state;
  vm_operation own;
  own.what.kind = kind;
  own.since_ms = host::unix_ms();
  ++state.generation;
  state.operation = std::move(own);
  state.state = core::state_during(kind, state.state);
  publish(self);
}

/// An ephemeral VM's client was connected to the daemon before this one, so its time is over.
bool is_to_go(const vm_record& record, bool is_restart) {
  return (record.is_ephemeral && !is_restart) || record.wanted == wanted_state::deleted;
}

/// The state that the transitions on disk lead to.
vm_state last_noted(const vm_record& record) {
  if (record.settled == settled_state::creating)
    return vm_state::creating;
  if (record.wanted == wanted_state::deleted)
    return vm_state::deleting;
  if (record.settled == settled_state::running)
    return record.wanted == wanted_state::running ? vm_state::running : vm_state::stopping;
  if (record.wanted == wanted_state::running)
    return vm_state::starting;
  return record.settled == settled_state::error ? vm_state::error : vm_state::stopped;
}

void finish_delete(vm_pointer self) {
  self->state.cause = "it was to be deleted";
  begin_own(self, order_kind::remove);
  begin_remove(self);
}

/// It runs as it did before: nothing of it is touched.
void adopt(vm_pointer self) {
  auto& state = self->state;
  const auto& context = *state.context;
  hold(self, context.make_link(state.record, self));
  state.state = vm_state::running;
  begin_console_watch(self);
  state.finding = "adopted process " + std::to_string(state.pid) +
                  (state.finding.empty() ? "" : "; " + state.finding);
  state.unsaved.push_back(
      {host::unix_ms(), state.noted, vm_state::running, "recover", {}, state.finding});
  state.noted = vm_state::running;
  save_record(self, "recover.adopted", [] {});
  publish(self);
  end_recovery(self, recovery::adopted);
}

void hold_living(vm_pointer self, const vm_past& past) {
  auto& state = self->state;
  hold(self, state.context->adopt_machine(self, past.handles));
  state.pid = past.pid;
  state.accelerator = past.accelerator;
  state.started_at_ms = past.started_at_ms;
  state.launched = past.sizes;
}

/// Nothing is done that the record would have to say how: a user decides.
void recover_damaged(vm_pointer self, const vm_past& past, const failure& why) {
  auto& state = self->state;
  if (past.is_alive)
    hold_living(self, past);
  state.state = state.noted = vm_state::error;
  note_error(self, to_string(why), {});
  publish(self);
  end_recovery(self, recovery::failed);
}

void recover_living(vm_pointer self, const vm_past& past) {
  auto& state = self->state;
  const auto& record = state.record;
  hold_living(self, past);
  if (is_to_go(record, past.is_restart)) {
    finish_delete(self);
  } else if (record.wanted == wanted_state::running && record.settled == settled_state::running) {
    adopt(self);
  } else {
    const auto was_starting = record.wanted == wanted_state::running;
    state.cause =
        std::string{"the daemon ended while it was "} + (was_starting ? "starting" : "stopping");
    begin_own(self, order_kind::kill);
    begin_stop(self, core::milliseconds{0}, false);
  }
}

/// It is stopped, which nobody asked for.
void settle_stopped(vm_pointer self, const char* point, const std::string& why, std::string stage) {
  auto& record = self->state.record;
  record.settled = settled_state::stopped;
  record.wanted = wanted_state::stopped;
  note_error(self, why, std::move(stage));
  self->state.state = vm_state::stopped;
  save_record(self, point, [self] { finish(self); });
}

/// Its process is gone: what it left goes too.
void settle_dead(vm_pointer self, const std::string& why) {
  begin_own(self, order_kind::kill);
  auto settle = [self, why](const failure&) { settle_stopped(self, "recover.settled", why, {}); };
  clear_handles(self, settle, {ec::none, {}, {}, {}});
}

} // namespace

void begin_recovery(vm_pointer self, const vm_past& past) {
  auto& state = self->state;
  const auto& record = state.record;
  state.noted = last_noted(record);
  const auto is_new = record.settled == settled_state::creating && past.handles.empty() &&
                      record.host_key_public.empty() && record.image_build.empty();
  if (is_new) { // its create order comes next
    state.state = vm_state::creating;
    return;
  }
  state.is_recovering = true;
  state.finding = past.finding;
  const auto whole = core::check_record(record);
  if (record.settled == settled_state::creating) { // the daemon died while it was made
    state.cause = "the daemon ended while it was made";
    begin_own(self, order_kind::remove);
    remove_files(self);
  } else if (!whole) {
    recover_damaged(self, past, whole.error());
  } else if (past.is_alive) {
    recover_living(self, past);
  } else if (is_to_go(record, past.is_restart)) {
    finish_delete(self);
  } else if (record.settled != settled_state::running && record.wanted == wanted_state::running) {
    settle_dead(self, "the daemon ended while it was starting");
  } else if (record.settled == settled_state::running || !past.handles.empty()) {
    const std::string gone = "it ended while the daemon was away";
    settle_dead(self, past.finding.empty() ? gone : gone + ": " + past.finding);
  } else {
    state.state = record.settled == settled_state::error ? vm_state::error : vm_state::stopped;
    publish(self);
    end_recovery(self, recovery::unchanged);
  }
}

void end_recovery(vm_pointer self, recovery outcome) {
  auto& state = self->state;
  if (!std::exchange(state.is_recovering, false) || !state.supervisor)
    return;
  self->send(state.supervisor, vm_recovered{state.record.id, outcome,
                                            state.cause.empty() ? state.finding : state.cause});
}

void machine_gone(vm_pointer self, const machine_ended& event) {
  auto& state = self->state;
  if (state.operation && state.operation->what.kind == order_kind::set) {
    state.unheard_end = event; // of no concern to it: heard when it is over
    return;
  }
  if (state.operation || state.state != vm_state::running)
    return; // the operation asked for it, or learns of it from its own request
  state.cause = event.reason;
  begin_own(self, order_kind::kill);
  tear_down(self, core::milliseconds{0}, [self, event](const failure&) {
    settle_stopped(self, "ended.settled", event.reason, "running");
  });
}

} // namespace banger::actors
