// What a VM takes of its host: processor, memory, disk, network. Reads /proc and the VM's folder;
// blocks for some milliseconds, most of them in the kernel's walk through the memory of QEMU.
#pragma once

#include "protocol/resource_orders.hpp"

namespace banger::hypervisor {

/// The processes are those of the VM's handles, if they are still the same. What cannot be read is
/// 0: a VM may end meanwhile.
[[nodiscard]] vm_usage measure_usage(const measure_vm& x);

} // namespace banger::hypervisor
