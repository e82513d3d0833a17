// What a VM takes of its host, and a change of what it may have.
#include "actors/vm_steps.hpp"
#include "core/vm_change.hpp"
#include "host/files.hpp"

#include <algorithm>

namespace banger::actors {

namespace {

/// Two looks that follow each other closer count from the same one: the kernel counts processor
/// time in steps of 10 ms.
constexpr std::int64_t shortest_interval_ms = 200;

std::uint64_t since(std::int64_t earlier, std::int64_t later) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(later - earlier, 0));
}

/// Fills in what was used since the look before, or since the VM's start.
void note_look(vm_data& state, vm_stats& x) {
  auto& last = state.last_look;
  if (last.started_at_ms != state.started_at_ms || x.cpu_ms < last.cpu_ms)
    last = {state.started_at_ms, x.clock_ms - x.uptime_ms, 0};
  x.interval_ms = since(last.clock_ms, x.clock_ms);
  x.interval_cpu_ms = x.cpu_ms - last.cpu_ms;
  if (x.clock_ms - last.clock_ms >= shortest_interval_ms)
    last = {state.started_at_ms, x.clock_ms, x.cpu_ms};
}

vm_stats to_stats(vm_data& state, const vm_usage& usage) {
  vm_stats x;
  x.id = state.record.id;
  x.name = state.record.name;
  x.state = state.state;
  x.at_ms = host::unix_ms();
  x.clock_ms = usage.clock_ms;
  const auto sizes = state.info();
  x.vcpu_count = state.pid != 0 ? sizes.running_vcpu_count : sizes.vcpu_count;
  x.memory_mib = state.pid != 0 ? sizes.running_memory_mib : sizes.memory_mib;
  x.disk_allocated_bytes = usage.disk_allocated_bytes;
  x.disk_virtual_bytes = usage.disk_virtual_bytes;
  if (state.pid == 0 || usage.process_count == 0)
    return x; // it does not run, or has ended while we looked
  x.uptime_ms = std::max<std::int64_t>(x.at_ms - state.started_at_ms, 1);
  x.process_count = usage.process_count;
  x.cpu_ms = usage.cpu_ms;
  x.resident_bytes = usage.resident_bytes;
  x.proportional_bytes = usage.proportional_bytes;
  x.has_network = usage.has_network;
  x.received_bytes = usage.received_bytes;
  x.sent_bytes = usage.sent_bytes;
  note_look(state, x);
  return x;
}

/// Adds what the guest says of itself; one that does not in time keeps nobody waiting.
void ask_guest(vm_pointer self, vm_stats x, caf::typed_response_promise<vm_stats> reply) {
  constexpr core::milliseconds patience{500};
  const auto& state = self->state;
  if (!state.machine || x.process_count == 0) {
    reply.deliver(x);
    return;
  }
  self->request(state.machine, patience, get_guest_memory{})
      .then(
          [x, reply](const guest_memory& memory) mutable {
            x.guest_memory_bytes = memory.total_bytes;
            x.guest_memory_used_bytes = memory.used_bytes;
            reply.deliver(x);
          },
          [x, reply](const caf::error&) mutable { reply.deliver(x); });
}

// -- set: what is wanted goes to disk first. A daemon that dies before the disk has grown leaves
// the rest to the next one, or to the VM's start.
// ------------------------------------------------------------------------------------------

void take_change(vm_record& to, const vm_record& from) {
  to.vcpu_count = from.vcpu_count;
  to.memory_mib = from.memory_mib;
  to.disk_mib = from.disk_mib;
  to.has_nat = from.has_nat;
}

void undo_set(vm_pointer self, const vm_record& before, const failure& why) {
  auto& state = self->state;
  take_change(state.record, before);
  state.unsaved.push_back(
      {host::unix_ms(), state.state, state.state, "set", {}, "undone: " + to_string(why)});
  save_record(self, "undo_set.record", [self, why] { finish_failed(self, why); });
}

/// Not under a hypervisor that has it open: what runs gets it at its next start.
void grow_work_disk(vm_pointer self, const vm_record& before) {
  const auto& state = self->state;
  if (state.record.disk_mib == before.disk_mib || state.machine) {
    finish(self);
    return;
  }
  enter_stage(self, "growing its disk");
  ask<done>(
      self, "set.disk", files_of(self), state.context->deadlines.storage,
      grow_disk{state.record.directory, state.record.disk_mib},
      [self](const done&) { finish(self); },
      [self, before](const caf::error& why) {
        const auto& record = self->state.record;
        if (host::file_size(record.directory + "/work.ext4") >> 20 >= record.disk_mib)
          finish(self); // only the answer was lost
        else
          undo_set(self, before, to_failure(why, "grow its disk"));
      });
}

/// A guest that runs loses or gains its way out now, not at its next start.
void switch_nat_now(vm_pointer self, const vm_record& before) {
  const auto& state = self->state;
  if (state.record.has_nat == before.has_nat || !state.machine) {
    grow_work_disk(self, before);
    return;
  }
  enter_stage(self, "switching its NAT");
  ask<done>(
      self, "set.nat", files_of(self), state.context->deadlines.storage,
      switch_nat{state.record.directory, state.record.has_nat},
      [self, before](const done&) { grow_work_disk(self, before); },
      [self, before](const caf::error& why) {
        undo_set(self, before, to_failure(why, "switch its NAT"));
      });
}

} // namespace

void begin_set(vm_pointer self) {
  auto& state = self->state;
  const auto changed = core::with_change(state.record, state.operation->what.change);
  if (!changed) {
    finish_failed(self, changed.error());
    return;
  }
  const auto before = state.record;
  const auto what = core::describe_change(before, *changed);
  if (what.empty()) { // it is as it shall be
    finish(self);
    return;
  }
  take_change(state.record, *changed);
  state.unsaved.push_back({host::unix_ms(), state.state, state.state, "set", {}, what});
  enter_stage(self, "saving");
  try_to_save(
      self, "set.record", [self, before] { switch_nat_now(self, before); },
      [self, before](const caf::error& why) {
        undo_set(self, before, to_failure(why, "save its record"));
      });
}

caf::result<vm_stats> tell_stats(vm_pointer self) {
  const auto& context = *self->state.context;
  const auto& record = self->state.record;
  auto reply = self->make_response_promise<vm_stats>();
  auto files = context.make_files(); // of its own: an operation's may be at work for minutes
  self->request(files, context.deadlines.storage,
                measure_vm{record.id, record.directory, self->state.pid != 0})
      .then(
          [self, reply, files](const vm_usage& usage) mutable {
            ask_guest(self, to_stats(self->state, usage), std::move(reply));
          },
          [reply, files](const caf::error& why) mutable {
            reply.deliver(translated(why, "look at what it takes"));
          });
  return reply;
}

} // namespace banger::actors
