// MACHINE: one hypervisor process as an actor: its QMP connection, the guest's control port, its
// end.
#pragma once

#include "actors/memory_questions.hpp"
#include "core/deadlines.hpp"
#include "core/line_buffer.hpp"
#include "hypervisor/qemu_process.hpp"
#include "protocol/actors.hpp"
#include "transport/fd_watch.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace banger::actors {

/// How far the ending of a guest has gone; each step is harder than the one before.
enum class end_step : std::uint8_t { none, asked_guest, pressed_button, quit, killed };

struct machine_state {
  static inline const char* name = "machine";
  vm_actor owner;
  std::string net_helper; ///< path of banger-net
  core::deadlines deadlines;
  std::string directory;
  std::optional<hypervisor::qemu_process> process;
  transport::fd_watch qmp_watch;
  transport::fd_watch control_watch;
  transport::fd_watch qemu_watch;
  transport::fd_watch net_watch;
  core::line_buffer qmp_lines;
  core::line_buffer control_lines;
  bool is_ready = false;
  bool is_gone = false;
  bool is_helper_reaped = false;
  machine_actor until_reaped;  ///< ourselves, told to end while the helper is still to be collected
  bool may_command = false;    ///< QMP has greeted and taken qmp_capabilities
  std::string shutdown_reason; ///< from QMP's SHUTDOWN event
  end_step step = end_step::none;
  std::uint64_t step_number = 0; ///< names the timer of the present step
  std::uint32_t grace_ms = 0;
  machine_ended end;
  std::vector<caf::typed_response_promise<done>> awaiting_ready;
  std::vector<caf::typed_response_promise<machine_ended>> awaiting_end;
  memory_questions memory;
};

using machine_pointer = machine_actor::stateful_pointer<machine_state>;

/// @param adopted  a process of an earlier daemon; without one, launch_machine starts it
machine_actor::behavior_type machine(machine_pointer self, vm_actor owner, std::string net_helper,
                                     core::deadlines deadlines,
                                     std::optional<core::vm_handles> adopted);

} // namespace banger::actors
