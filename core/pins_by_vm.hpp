// The pins of a known_hosts file as a user thinks of them: one entry a VM and key. Pure.
#pragma once

#include "protocol/values.hpp"

#include <vector>

namespace banger::core {

/// Joins `lines`, one entry a name, where the names are of one VM and the key is the same. Lines of
/// no VM stay as they are, without a VM's name.
[[nodiscard]] host_key_list pins_by_vm(const std::vector<const vm_info*>& vms,
                                       const host_key_list& lines);

} // namespace banger::core
