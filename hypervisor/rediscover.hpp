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

} // namespace banger::hypervisor
