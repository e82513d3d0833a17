// Changing what a VM may have, once it is made. Pure.
#pragma once

#include "protocol/resources.hpp"
#include "protocol/result.hpp"
#include "protocol/vm_record.hpp"

#include <string>

namespace banger::core {

/// `now` with all that `wanted` changes. Errors: bad_request where that is nothing, where a size is
/// out of the range that a new VM has, where the disk would become smaller, or for NAT without a
/// tap.
[[nodiscard]] result<vm_record> with_change(const vm_record& now, const set_vm& wanted);

/// "vcpu 1 -> 2, memory 512 MiB -> 1 GiB".
[[nodiscard]] std::string describe_change(const vm_record& before, const vm_record& after);

} // namespace banger::core
