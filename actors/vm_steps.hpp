// The steps of a VM's operations, shared by vm*.cpp. Not for others.
#pragma once

#include "actors/account.hpp"
#include "actors/vm.hpp"
#include "core/vm_machine.hpp"
#include "host/clock.hpp"
#include "host/fault_point.hpp"
#include "protocol/caf_error.hpp"

#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace banger::actors {

// -- vm.cpp: the frame around every operation
// --------------------------------------------------------

/// Says what the operation does now, to its client and to the supervisor.
void enter_stage(vm_pointer self, std::string stage);

/// Tells the supervisor and the waiters how the VM is now.
void publish(vm_pointer self);

/// Ends the operation well: answers it and begins the next in the queue.
void finish(vm_pointer self);

/// Ends the operation badly: answers it with `why` and begins the next in the queue.
void finish_failed(vm_pointer self, failure why);

/// Completes a failure with the operation's subject, id and a hint.
[[nodiscard]] failure describe(vm_pointer self, failure why);

/// Asks an actor below. A late answer, one to an operation that has ended or was given up, is
/// dropped. @param point  the step's name, by which a test can make it fail (host/fault_point.hpp)
template <class Reply, class Handle, class Request, class OnReply, class OnError>
void ask(vm_pointer self, const char* point, const Handle& whom, core::milliseconds deadline,
         Request request, OnReply on_reply, OnError on_error) {
  if (auto fault = host::fault_at(point, host::fault_moment::before)) {
    on_error(to_error(*fault));
    return;
  }
  auto generation = self->state.generation;
  self->request(whom, deadline, std::move(request))
      .then(
          [self, point, generation, on_reply, on_error](Reply& reply) mutable {
            if (generation != self->state.generation)
              return;
            if (auto fault = host::fault_at(point, host::fault_moment::after))
              on_error(to_error(*fault));
            else
              on_reply(reply);
          },
          [self, generation, on_error](const caf::error& why) mutable {
            if (generation == self->state.generation)
              on_error(why);
          });
}

/// Ends the actors below, not the process: VMs survive the daemon, and their own actor.
void leave_machine(vm_pointer self, const caf::error& why);

/// Answers everybody who waits for something of this VM.
void tell_all(vm_pointer self, const caf::error& why);

/// The last words of an actor that threw: whoever waits for it hears so. @returns why it ends; the
/// supervisor starts another one from the record.
[[nodiscard]] caf::error crash(vm_pointer self, const std::exception_ptr& thrown);

/// Takes a machine or a link as ours: should it fail, we fail with it, and are started anew.
void hold(vm_pointer self, machine_actor machine);
void hold(vm_pointer self, guest_link_actor link);

/// Ends us where it was our machine or link that failed.
void part_down(vm_pointer self, const caf::down_msg& down);

/// Notes that the state has changed, if it has: `banger vm why` tells of it.
void note_transition(vm_pointer self);

[[nodiscard]] actor_account describe_vm(vm_pointer self);

/// Remembers in the record what went wrong and in which stage; forget_error takes it back.
void note_error(vm_pointer self, std::string text, std::string stage);
void forget_error(vm_pointer self);

/// The names a VM's host key is pinned under, as known_hosts spells them.
[[nodiscard]] std::vector<std::string> pin_names(const vm_record& record);

/// The error that a VM that must run, and does not, answers with.
[[nodiscard]] caf::error not_running(vm_pointer self);

/// The error that a VM in quarantine answers with.
[[nodiscard]] caf::error quarantined(vm_pointer self);

/// Its link was shown another host key: from now on nobody is let through to it.
void begin_quarantine(vm_pointer self, const host_key_refused& x);

[[nodiscard]] caf::result<host_key_info> describe_host_key(vm_pointer self);
[[nodiscard]] caf::result<host_key_info> accept_key(vm_pointer self, const accept_host_key& x);
[[nodiscard]] caf::result<host_key_info> forget_key(vm_pointer self);
[[nodiscard]] caf::result<done> check_key_now(vm_pointer self);

/// Asks how full the root disk is, where it is a snapshot, and tells of it. vm_disk.cpp.
void watch_root_disk(vm_pointer self);

// -- vm_console.cpp
// ----------------------------------------------------------------------------------

/// Keeps an eye on the console's log for as long as the VM runs.
void begin_console_watch(vm_pointer self);
void look_at_console(vm_pointer self, const watch_console& tick);

[[nodiscard]] caf::result<console_chunk> read_log_of(vm_pointer self, const read_console& x);

// -- vm_resources.cpp
// ----------------------------------------------------------------------------------

/// Changes what the VM may have: the record first, then the disk. A VM with a process gets it at
/// its next start.
void begin_set(vm_pointer self);

/// What the VM takes of its host.
[[nodiscard]] caf::result<vm_stats> tell_stats(vm_pointer self);

/// The actor for blocking work on the VM's folder; made when an operation first needs it.
[[nodiscard]] const vm_files_actor& files_of(vm_pointer self);

/// Writes the record and what has become of the VM since it was last saved.
void try_to_save(vm_pointer self, const char* point, std::function<void()> on_saved,
                 std::function<void(const caf::error&)> on_error);

/// Writes the record, then calls `next`; a storage failure is logged into the record's error and
/// `next` is called all the same, because what was done to the VM is not undone by a full disk.
void save_record(vm_pointer self, const char* point, std::function<void()> next);

// -- vm_start.cpp
// ------------------------------------------------------------------------------------

void begin_create(vm_pointer self);
void begin_start(vm_pointer self);

/// Gives up a create or a start: undoes what it did so far, then fails it with `why`.
void give_up(vm_pointer self, failure why);

// -- vm_stop.cpp
// -------------------------------------------------------------------------------------

/// Ends the machine, its link and its handles, then calls `next` with the first problem, if any:
/// every step runs whatever the others did, but the handles of a process that could not be ended
/// stay, and `machine` with them. The one clean-up of failed start, stop, kill, delete
/// and reconcile.
void tear_down(vm_pointer self, core::milliseconds grace, std::function<void(failure)> next);

void begin_stop(vm_pointer self, core::milliseconds grace, bool is_restart);
void begin_remove(vm_pointer self);

/// Removes the handles of a process that is gone, then calls `next` with `first`, or with what went
/// wrong here.
void clear_handles(vm_pointer self, std::function<void(failure)> next, failure first);

/// Removes files, pins and row, in this order; the actor ends with the last.
void remove_files(vm_pointer self);

// -- vm_recover.cpp
// ----------------------------------------------------------------------------------

/// Makes record and reality agree when the actor starts.
void begin_recovery(vm_pointer self, const vm_past& past);

/// A recovery has come to its end: the supervisor hears how. Does nothing without one.
void end_recovery(vm_pointer self, recovery outcome);

/// The hypervisor ended by itself.
void machine_gone(vm_pointer self, const machine_ended& event);

} // namespace banger::actors
