// Finds the processes of a VM whose handles file is lost: they name the VM's folder.
#pragma once

#include "core/handles.hpp"

#include <optional>
#include <string>

namespace banger::hypervisor {

/// Handles of the hypervisor that works in `directory`, as start_qemu would have recorded them.
/// Nothing where there is none, or more than one. Scans /proc.
[[nodiscard]] std::optional<core::vm_handles> rediscover(const std::string& vm_id,
                                                         const std::string& directory);

/// Kills what the handles name, where it still is the same process of this boot, and waits until
/// it has ended. For one whose folder was moved while it ran: it would keep writing to disks that
/// are ours no more. Blocks for 5 s at most.
void end_blocking(const core::vm_handles& handles);

} // namespace banger::hypervisor
