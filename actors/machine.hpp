// MACHINE: one hypervisor process as an actor: its QMP connection, the guest's control port, its
// end.
#pragma once

#include "actors/machine_life.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <optional>
#include <string>

namespace banger::actors {

/// What an fd_ready of a machine's is about.
enum machine_tag : std::int32_t { qmp_tag = 1, control_tag, qemu_tag, net_tag };

struct machine_state : machine_life {
  static inline const char* name = "machine";
  std::string net_helper; ///< path of banger-net
  std::string directory;
  std::optional<hypervisor::qemu_process> process;
  transport::fd_watch qmp_watch;
  core::line_buffer qmp_lines;
  bool may_command = false; ///< QMP has greeted and taken qmp_capabilities
};

using machine_pointer = machine_actor::stateful_pointer<machine_state>;

/// @param adopted  a process of an earlier daemon; without one, launch_machine starts it
machine_actor::behavior_type machine(machine_pointer self, vm_actor owner, std::string net_helper,
                                     core::deadlines deadlines,
                                     std::optional<core::vm_handles> adopted);

} // namespace banger::actors
