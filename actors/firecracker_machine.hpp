// MACHINE, in Firecracker: one process as an actor: its API, the guest's control connection by
// vsock, its end. For a VM's actor it is as good as the one for QEMU.
#pragma once

#include "actors/machine_life.hpp"
#include "hypervisor/firecracker_process.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace banger::actors {

struct firecracker_machine_state : machine_life {
  static inline const char* name = "machine";
  /// Anew at each start: it may have been installed meanwhile.
  std::function<result<hypervisor::firecracker_programs>()> find;
  std::optional<hypervisor::firecracker_process> machine;
  std::vector<firecracker_call> configuration; ///< to be sent, the start with it
  hypervisor::host_resources resources;        ///< what it is lent, held until it has opened it
  firecracker_caller_actor caller;
  host::unique_fd control; ///< the guest's agent; none: it did not come, or an earlier daemon's
  transport::fd_watch listener_watch;
  bool is_guests_end = false;                 ///< the guest reset its machine
  failure boot_failure{ec::none, {}, {}, {}}; ///< told unless its end is
};

using firecracker_machine_pointer = machine_actor::stateful_pointer<firecracker_machine_state>;

/// @param find     where the programs are
/// @param adopted  a process of an earlier daemon; without one, launch_machine starts it
machine_actor::behavior_type
firecracker_machine(firecracker_machine_pointer self, vm_actor owner,
                    std::function<result<hypervisor::firecracker_programs>()> find,
                    core::deadlines deadlines, std::optional<core::vm_handles> adopted);

} // namespace banger::actors
