// Changing what a VM may have, once it is made. Pure.
#pragma once

#include "protocol/result.hpp"
#include "protocol/values.hpp"
#include "protocol/vm_record.hpp"

#include <string>

namespace banger::core {

/// `now` with the sizes of `wanted` that are not 0. Errors: bad_request where there are none, where
/// one is out of the range that a new VM has, or where the disk would become smaller.
[[nodiscard]] result<vm_record> with_sizes(const vm_record& now, const vm_config& wanted);

/// "vcpu 1 -> 2, memory 512 MiB -> 1 GiB".
[[nodiscard]] std::string describe_change(const vm_record& before, const vm_record& after);

} // namespace banger::core
