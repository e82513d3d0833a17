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
  if (state.operation && state.operation->reply.pending())
    state.operation->reply.deliver(last);
  for (auto& waiting : state.queue)
    waiting.reply.deliver(
        to_error({ec::not_found, "no VM '" + last.name + "'", "it was deleted", {}}));
  publish(self);
  self->quit(caf::exit_reason::normal);
}

void forget_row(vm_pointer self, failure first) {
  const auto& context = *self->state.context;
  ask<done>(
      self, "delete.record", context.store, context.deadlines.storage,
      forget_vm{self->state.record.id}, [self](const done&) { removed(self); },
      [self, first](const caf::error& why) mutable {
        note(first, why, "remove its record");
        self->state.state = vm_state::error;
        finish_failed(self, first);
      });
}

void forget_pins(vm_pointer self, failure first) {
  const auto& context = *self->state.context;
  const auto& record = self->state.record;
  pin_host_key pins{pin_names(record), {}};
  ask<done>(
      self, "delete.pins", context.known_hosts, context.deadlines.storage, std::move(pins),
      [self, first](const done&) { forget_row(self, first); },
      [self, first](const caf::error& why) mutable {
        note(first, why, "forget its host key");
        forget_row(self, first);
      });
}

void remove_files(vm_pointer self) {
  const auto& context = *self->state.context;
  enter_stage(self, "removing disks");
  ask<done>(
      self, "delete.files", files_of(self), context.deadlines.remove_files,
      remove_vm_files{self->state.record.directory},
      [self](const done&) {
        forget_pins(self, {ec::none, {}, {}, {}});
      },
      [self](const caf::error& why) {
        // The row stays, so that a later delete can end what this one could not.
        self->state.state = vm_state::error;
        note_error(self, to_string(to_failure(why, "remove its files")), "removing disks");
        self->state.record.settled = settled_state::error;
        save_record(self, "delete.failed",
                    [self, why] { finish_failed(self, to_failure(why, "remove its files")); });
      });
}

/// An operation of our own, with nobody waiting for it.
void begin_own(vm_pointer self, order_kind kind) {
  auto& state = self->state;
  vm_operation own;
  own.what.kind = kind;
  own.since_ms = host::unix_ms();
  ++state.generation;
  state.operation = std::move(own);
  state.state = core::state_during(kind);
}

/// An ephemeral VM's client was connected to the daemon before this one, so its time is over.
bool is_to_go(const vm_record& record) {
  return record.is_ephemeral || record.wanted == wanted_state::deleted;
}

void finish_delete(vm_pointer self) {
  begin_own(self, order_kind::remove);
  begin_remove(self);
}

} // namespace

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
      if (first.code == ec::none) {
        stopped(self, is_restart);
        return;
      }
      self->state.state = vm_state::error;
      self->state.record.settled = settled_state::error;
      note_error(self, to_string(first), "shutting down");
      save_record(self, "stop.failed", [self, first] { finish_failed(self, first); });
    });
  });
}

void begin_remove(vm_pointer self) {
  auto& state = self->state;
  state.state = vm_state::deleting;
  state.record.wanted = wanted_state::deleted;
  enter_stage(self, "ending");
  // On disk before the first file goes: a daemon that dies now must not leave a VM without disks.
  save_record(self, "delete.wanted", [self] {
    tear_down(self, core::milliseconds{0}, [self](const failure& first) {
      if (!self->state.machine) {
        remove_files(self);
        return;
      }
      self->state.state = vm_state::error;
      self->state.record.settled = settled_state::error;
      note_error(self, to_string(first), "ending");
      save_record(self, "delete.failed", [self, first] { finish_failed(self, first); });
    });
  });
}

void begin_recovery(vm_pointer self, const vm_past& past) {
  auto& state = self->state;
  const auto& record = state.record;
  auto is_new = record.settled == settled_state::creating && past.handles.empty() &&
                record.host_key_public.empty() && record.image_build.empty();
  if (is_new) { // its create order comes next
    state.state = vm_state::creating;
    return;
  }
  if (record.settled == settled_state::creating) { // the daemon died while it was made
    begin_own(self, order_kind::remove);
    remove_files(self);
    return;
  }
  if (past.is_alive) {
    state.machine = state.context->adopt_machine(self, past.handles);
    state.pid = past.pid;
    state.accelerator = past.accelerator;
    state.started_at_ms = past.started_at_ms;
    if (is_to_go(record)) {
      finish_delete(self);
      return;
    }
    if (record.wanted == wanted_state::running && record.settled == settled_state::running) {
      state.link = state.context->make_link(record, self);
      state.state = vm_state::running;
      begin_console_watch(self);
      publish(self);
      return;
    }
    begin_own(self, order_kind::kill); // half started or half stopped: end it
    begin_stop(self, core::milliseconds{0}, false);
    return;
  }
  if (is_to_go(record)) {
    finish_delete(self);
    return;
  }
  if (record.settled != settled_state::running && past.handles.empty()) {
    state.state = record.settled == settled_state::error ? vm_state::error : vm_state::stopped;
    publish(self);
    return;
  }
  begin_own(self, order_kind::kill);
  clear_handles(self,
                [self](const failure&) {
                  auto& settled = self->state.record;
                  settled.settled = settled_state::stopped;
                  settled.wanted = wanted_state::stopped;
                  note_error(self, "it ended while the daemon was away", settled.error_stage);
                  self->state.state = vm_state::stopped;
                  save_record(self, "recover.settled", [self] { finish(self); });
                },
                {ec::none, {}, {}, {}});
}

void machine_gone(vm_pointer self, const machine_ended& event) {
  auto& state = self->state;
  if (state.operation || state.state != vm_state::running)
    return; // the operation asked for it, or learns of it from its own request
  begin_own(self, order_kind::kill);
  tear_down(self, core::milliseconds{0}, [self, event](const failure&) {
    auto& record = self->state.record;
    record.settled = settled_state::stopped;
    record.wanted = wanted_state::stopped;
    note_error(self, event.reason, "running");
    self->state.state = vm_state::stopped;
    save_record(self, "ended.settled", [self] { finish(self); });
  });
}

} // namespace banger::actors
