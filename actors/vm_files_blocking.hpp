// VM_FILES: the work on a VM's folder that waits for the disk or for a child process. Detached;
// lives as long as the operation that needs it.
#pragma once

#include "protocol/actors.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <string>

namespace banger::actors {

/// What the handles file in a VM's folder says of its process, and whether that is so: a process is
/// ours only if pid, start time, boot and folder agree. Handles that are lost or damaged while the
/// VM ran are found again in the process itself. Blocks.
[[nodiscard]] vm_past look_at_past_blocking(const vm_record& record,
                                            const std::string& helper_socket);

struct vm_files_state {
  static inline const char* name = "vm-files";
  std::string helper_socket;
};

/// @param helper_socket  where banger-helper listens, if it does
vm_files_actor::behavior_type vm_files(vm_files_actor::stateful_pointer<vm_files_state> self,
                                       std::string helper_socket);

} // namespace banger::actors
