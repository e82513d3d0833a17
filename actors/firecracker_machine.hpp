// MACHINE, in Firecracker: one process as an actor: its API, the guest's control connection by
// vsock, its end. For a VM's actor it is as good as the one for QEMU.
#pragma once

#include "actors/machine.hpp"
#include "hypervisor/firecracker_process.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace banger::actors {

struct firecracker_machine_state {
  static inline const char* name = "machine";
  vm_actor owner;
  /// Anew at each start: it may have been installed meanwhile.
  std::function<result<hypervisor::firecracker_programs>()> find;
  core::deadlines deadlines;
  std::optional<hypervisor::firecracker_process> machine;
  std::vector<firecracker_call> configuration; ///< to be sent, the start with it
  firecracker_caller_actor caller;
  host::unique_fd control; ///< the guest's agent; none: it did not come, or an earlier daemon's
  transport::fd_watch listener_watch;
  transport::fd_watch control_watch;
  transport::fd_watch process_watch;
  transport::fd_watch net_watch;
  core::line_buffer control_lines;
  bool is_ready = false;
  bool is_gone = false;
  bool is_helper_reaped = false;
  bool is_guests_end = false;                 ///< the guest reset its machine
  failure boot_failure{ec::none, {}, {}, {}}; ///< told unless its end is
  machine_actor until_reaped; ///< ourselves, told to end while the helper is still to be collected
  std::string cause;          ///< of its end, where we know more than its exit status
  end_step step = end_step::none;
  std::uint64_t step_number = 0; ///< names the timer of the present step
  std::uint32_t grace_ms = 0;
  machine_ended end;
  std::vector<caf::typed_response_promise<done>> awaiting_ready;
  std::vector<caf::typed_response_promise<machine_ended>> awaiting_end;
  memory_questions memory;
};

using firecracker_machine_pointer = machine_actor::stateful_pointer<firecracker_machine_state>;

/// @param find     where the programs are
/// @param adopted  a process of an earlier daemon; without one, launch_machine starts it
machine_actor::behavior_type
firecracker_machine(firecracker_machine_pointer self, vm_actor owner,
                    std::function<result<hypervisor::firecracker_programs>()> find,
                    core::deadlines deadlines, std::optional<core::vm_handles> adopted);

} // namespace banger::actors
