// Processes of ours that nobody has handles for: their daemon died between the start of a process
// and the note of it.
#pragma once

#include "core/handles.hpp"

#include <string>
#include <vector>

namespace banger::hypervisor {

/// Ends every QEMU and network helper that works on a folder in `folder` and is not among `known`,
/// and waits until they are gone. @param folder  the VMs' folder, or one VM's. Blocks; scans /proc.
/// @returns what was ended, a line each: "qemu-system-x86_64, process 42".
[[nodiscard]] std::vector<std::string> end_strays(const std::string& folder,
                                                  const std::vector<core::vm_handles>& known);

/// Kills what the handles name, where it still is the same process of this boot, and waits until
/// it has ended. For one whose folder was moved while it ran: it would keep writing to disks that
/// are ours no more. Blocks for 5 s at most.
void end_blocking(const core::vm_handles& handles);

} // namespace banger::hypervisor
