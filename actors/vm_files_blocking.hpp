// VM_FILES: the work on a VM's folder that waits for the disk or for a child process. Detached;
// lives as long as the operation that needs it.
#pragma once

#include "protocol/actors.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace banger::actors {

struct vm_files_state {
  static inline const char* name = "vm-files";
};

vm_files_actor::behavior_type vm_files(vm_files_actor::stateful_pointer<vm_files_state> self);

} // namespace banger::actors
