#include "actors/vm_sessions.hpp"
#include "actors/vm_steps.hpp"

#include <memory>

namespace banger::actors {

namespace {

/// Collects the problems of a clean-up: the first one is told, none stops the rest.
void note(failure& first, const caf::error& why, const char* what) {
  auto problem = to_failure(why, what);
  if (first.code == ec::none)
    first = std::move(problem);
}

void stopped(vm_pointer self, bool is_restart) {
  auto& state = self->state;
  state.record.settled = settled_state::stopped;
  state.state = vm_state::stopped;
  if (is_restart) {
    begin_start(self);
    return;
  }
  forget_error(self);
  save_record(self, "stop.settled", [self] { finish(self); });
}

// -- delete: files, pins, row, address
// -----------------------------------------------------------------

void removed(vm_pointer self) {
  auto& state = self->state;
  self->send(state.context->leases, address_freed{state.record.address});
  auto last = state.info();
  last.operation.clear();
  last.stage.clear();
  publish(self);
  end_recovery(self, recovery::rolled_back);
  if (state.supervisor) // before whoever asked hears of it, and asks for a list
    self->send(state.supervisor, vm_changed{last, true});
  if (state.operation && state.operation->reply.pending())
    state.operation->reply.deliver(last);
  for (auto& waiting : state.queue)
    waiting.reply.deliver(
        to_error({ec::not_found, "no VM '" + last.name + "'", "it was deleted", {}}));
  end_sessions(self, caf::exit_reason::user_shutdown);
  self->quit(caf::exit_reason::normal);
}

/// An ending that could not be carried out: the VM is in error, and its row stays, so that a later
/// one can end what this one could not.
void stay_in_error(vm_pointer self, const char* point, const failure& why, std::string stage) {
  self->state.state = vm_state::error;
  self->state.record.settled = settled_state::error;
  note_error(self, to_string(why), std::move(stage));
  save_record(self, point, [self, why] { finish_failed(self, why); });
}

void delete_failed(vm_pointer self, const caf::error& why, const char* step) {
  stay_in_error(self, "delete.failed", to_failure(why, step), step);
}

void forget_row(vm_pointer self) {
  const auto& context = *self->state.context;
  ask<done>(
      self, "delete.record", context.store, context.deadlines.storage,
      forget_vm{self->state.record.id}, [self](const done&) { removed(self); },
      [self](const caf::error& why) { delete_failed(self, why, "remove its record"); });
}

void forget_pins(vm_pointer self) {
  const auto& context = *self->state.context;
  pin_host_key pins{pin_names(self->state.record), {}};
  ask<done>(
      self, "delete.pins", context.known_hosts, context.deadlines.storage, std::move(pins),
      [self](const done&) { forget_row(self); },
      [self](const caf::error& why) { delete_failed(self, why, "forget its host key"); });
}

} // namespace

void clear_handles(vm_pointer self, std::function<void(failure)> next, failure first) {
  const auto& context = *self->state.context;
  self->state.pid = 0;
  self->state.accelerator.clear();
  self->state.started_at_ms = 0;
  ask<done>(
      self, "stop.handles", files_of(self), context.deadlines.storage,
      write_handles{self->state.record.directory, {}}, [next, first](const done&) { next(first); },
      [next, first](const caf::error& why) mutable {
        note(first, why, "clear its handles");
        next(first);
      });
}

void remove_files(vm_pointer self) {
  const auto& context = *self->state.context;
  enter_stage(self, "removing disks");
  ask<done>(
      self, "delete.files", files_of(self), context.deadlines.remove_files,
      remove_vm_files{self->state.record.directory}, [self](const done&) { forget_pins(self); },
      [self](const caf::error& why) { delete_failed(self, why, "remove its files"); });
}

void tear_down(vm_pointer self, core::milliseconds grace, std::function<void(failure)> next) {
  auto& state = self->state;
  failure none{ec::none, {}, {}, {}};
  if (state.link)
    self->send_exit(state.link, caf::exit_reason::user_shutdown);
  state.link = nullptr;
  if (!state.machine) {
    clear_handles(self, std::move(next), none);
    return;
  }
  auto limit = grace + state.context->deadlines.end_margin;
  ask<machine_ended>(
      self, "stop.end", state.machine, limit,
      end_machine{static_cast<std::uint32_t>(grace.count())},
      [self, next, none](const machine_ended&) {
        self->send_exit(self->state.machine, caf::exit_reason::user_shutdown);
        self->state.machine = nullptr;
        clear_handles(self, next, none);
      },
      [next, none](const caf::error& why) {
        // It may run on. Machine and handles stay, so that it can be ended another time.
        auto first = none;
        note(first, why, "end its hypervisor");
        next(first);
      });
}

void begin_stop(vm_pointer self, core::milliseconds grace, bool is_restart) {
  auto& state = self->state;
  state.state = vm_state::stopping;
  if (!is_restart)
    state.record.wanted = wanted_state::stopped;
  enter_stage(self, grace.count() > 0 ? "shutting down" : "killing");
  // What is wanted goes to disk first: a daemon that dies now must not take the VM for a crashed
  // one.
  save_record(self, "stop.wanted", [self, grace, is_restart] {
    tear_down(self, grace, [self, is_restart](const failure& first) {
      if (first.code == ec::none)
        stopped(self, is_restart);
      else
        stay_in_error(self, "stop.failed", first, "shutting down");
    });
  });
}

void begin_remove(vm_pointer self) {
  auto& state = self->state;
  state.state = vm_state::deleting;
  state.record.wanted = wanted_state::deleted;
  enter_stage(self, "ending");
  // On disk before the first file goes: a daemon that dies now must not leave a VM without disks.
  // Only a full disk does not keep it: a delete is what makes room.
  auto go_on = [self] {
    tear_down(self, core::milliseconds{0}, [self](const failure& first) {
      if (self->state.machine)
        stay_in_error(self, "delete.failed", first, "ending");
      else
        remove_files(self);
    });
  };
  try_to_save(self, "delete.wanted", go_on, [self, go_on](const caf::error& why) {
    if (to_failure(why).code == ec::no_space)
      go_on();
    else
      delete_failed(self, why, "note that it is to go");
  });
}

} // namespace banger::actors
