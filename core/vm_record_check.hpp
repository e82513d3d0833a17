// Whether a record makes sense: a row can be damaged, or written by somebody's hand. Pure.
#pragma once

#include "protocol/result.hpp"
#include "protocol/vm_record.hpp"

#include <string>
#include <string_view>

namespace banger::core {

/// A VM's id: 12 hex digits. It names a folder, so nothing else will do.
[[nodiscard]] bool is_vm_id(std::string_view text);

/// Whether a VM can be made of it. Errors: storage_failed, naming the first field that is wrong.
[[nodiscard]] result<void> check_record(const vm_record& x);

/// The record with its folder below `vms` as it is now: the state folder may have been moved or
/// copied, and a path in it follows from the id.
[[nodiscard]] vm_record placed_in(vm_record x, const std::string& vms);

} // namespace banger::core
