// What a machine is whichever hypervisor runs it: it becomes ready, answers how much memory its
// guest uses, and comes to an end, once, that everybody hears of. A part of a machine's state,
// touched only by its handlers.
#pragma once

#include "actors/memory_questions.hpp"
#include "core/deadlines.hpp"
#include "core/line_buffer.hpp"
#include "host/fault_point.hpp"
#include "host/process.hpp"
#include "hypervisor/qemu_process.hpp"
#include "protocol/actors.hpp"
#include "protocol/caf_error.hpp"
#include "transport/fd_watch.hpp"

#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace banger::actors {

/// How far the ending of a guest has gone; each step is harder than the one before.
enum class end_step : std::uint8_t { none, asked_guest, pressed_button, quit, killed };

using start_hypervisor = std::function<result<machine_launched>(hypervisor::host_resources)>;

/// A launch that waits for banger-helper: actors/machine_resources.
struct pending_launch {
  hypervisor::resource_request resources;
  start_hypervisor start;
  transport::fd_watch watch;
  caf::typed_response_promise<machine_launched> reply;
};

struct machine_life {
  vm_actor owner;
  core::deadlines deadlines;
  transport::fd_watch control_watch; ///< the guest's agent
  transport::fd_watch process_watch; ///< the hypervisor
  transport::fd_watch net_watch;     ///< its network helper
  core::line_buffer control_lines;
  bool is_ready = false;
  bool is_gone = false;
  bool is_helper_reaped = false;
  machine_actor until_reaped; ///< ourselves, told to end while the helper is still to be collected
  std::string cause;          ///< of its end, where we know more than its exit status
  end_step step = end_step::none;
  std::uint64_t step_number = 0; ///< names the timer of the present step
  std::uint32_t grace_ms = 0;
  machine_ended end;
  std::vector<caf::typed_response_promise<done>> awaiting_ready;
  std::vector<caf::typed_response_promise<machine_ended>> awaiting_end;
  memory_questions memory;
  std::optional<pending_launch> pending;
};

inline constexpr std::chrono::milliseconds helper_grace{300};
inline constexpr std::uint64_t helper_ended_step = UINT64_MAX; // a timer that no ending uses

/// Nobody waits for it to be ready any more.
void fail_ready(machine_life& life, const failure& why);

[[nodiscard]] failure not_ready_in_time(const machine_life& life);

/// What the guest's agent says. @returns false where it is the last of it
[[nodiscard]] bool take_control_lines(machine_life& life, const host::unique_fd& control);

/// A VM without its network cannot be reached: it is ended.
void helper_ended(machine_life& life, const hypervisor::qemu_process& process);

/// @param process  null where there is none
[[nodiscard]] std::string phase_of(const machine_life& life,
                                   const hypervisor::qemu_process* process);

template <class Self>
transport::fd_watch watch_fd(Self* self, const host::unique_fd& fd, std::int32_t tag) {
  return {self->system(), fd.get(), fd_watcher_actor{machine_actor{self}}, tag};
}

/// Both processes are gone, or are about to be: tells everybody.
/// @param early  what to tell those who wait for it to be ready, asked once the end is known
template <class Self, class Early>
void tell_end(Self* self, const hypervisor::qemu_process& process, std::string reason,
              Early early) {
  machine_life& life = self->state;
  life.is_gone = true;
  life.end = {std::move(reason), !life.awaiting_end.empty()};
  hypervisor::kill_qemu(process); // the network helper may still be there
  hypervisor::remove_sockets(process.handles);
  life.control_watch.stop();
  life.process_watch.stop(); // the helper's goes on: it is our child too, and must be collected
  life.memory.forget();
  fail_ready(life, early(self));
  for (auto& reply : std::exchange(life.awaiting_end, {}))
    reply.deliver(life.end);
  if (!life.end.was_asked)
    self->send(life.owner, life.end);
}

template <class Self>
void take_step(Self* self, end_step step, std::chrono::milliseconds patience) {
  machine_life& life = self->state;
  life.step = step;
  self->delayed_send(self, patience, step_due{++life.step_number});
}

/// @param escalate  takes the next step
template <class Self>
caf::result<machine_ended> end_life(Self* self, const end_machine& x, bool has_process,
                                    void (*escalate)(Self*)) {
  if (auto fault = host::fault_at("machine.end", host::fault_moment::before))
    return to_error(*fault);
  machine_life& life = self->state;
  if (life.is_gone || !has_process)
    return life.end;
  auto reply = self->template make_response_promise<machine_ended>();
  const auto is_first = life.awaiting_end.empty();
  life.awaiting_end.push_back(reply);
  if (is_first || x.grace_ms < life.grace_ms) { // a shorter grace cuts the longer one short
    life.grace_ms = x.grace_ms;
    if (x.grace_ms == 0 && life.step < end_step::pressed_button)
      life.step = end_step::pressed_button;
    escalate(self);
  }
  return reply;
}

/// Asks the guest's agent, where there is one to ask.
template <class Self>
caf::result<guest_memory> ask_memory(Self* self, const host::unique_fd* control) {
  machine_life& life = self->state;
  if (life.is_gone || !life.is_ready || control == nullptr || !*control)
    return guest_memory{};
  auto reply = self->template make_response_promise<guest_memory>();
  life.memory.ask(*control, reply);
  return reply;
}

/// Collects the helper; where only that kept us, we end.
template <class Self>
void collect_helper(Self* self, const hypervisor::qemu_process& process,
                    void (*leave)(Self*, const caf::error&)) {
  machine_life& life = self->state;
  if (life.is_helper_reaped)
    return;
  (void)host::reap(process.net_pidfd);
  life.is_helper_reaped = true;
  life.net_watch.stop();
  if (std::exchange(life.until_reaped, nullptr))
    leave(self, {});
}

/// Told to end: the processes go on, where there are any.
template <class Self>
void end_or_wait(Self* self, const hypervisor::qemu_process* process, const caf::error& reason,
                 void (*leave)(Self*, const caf::error&)) {
  machine_life& life = self->state;
  if (life.is_gone && process != nullptr && process->net_pidfd && !life.is_helper_reaped)
    life.until_reaped = machine_actor{self};
  else
    leave(self, reason);
}

/// An earlier daemon's process had ended before we could hold it.
template <class Self>
void tell_missed_end(Self* self) {
  machine_life& life = self->state;
  life.is_gone = true;
  life.end = {"it ended while the daemon was away", false};
  self->send(life.owner, life.end);
}

} // namespace banger::actors
