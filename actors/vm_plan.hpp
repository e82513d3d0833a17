// What becomes of a user's wish for a VM: a record with all that was left open decided.
#pragma once

#include "actors/supervisor.hpp"
#include "protocol/result.hpp"

namespace banger::actors {

/// @returns a record that waits for its address. Errors: bad_request, already_exists; where what is
/// to run it is not there, missing_program and hypervisor_failed.
[[nodiscard]] result<vm_record> plan_record(const supervisor_state& state, const vm_config& config);

} // namespace banger::actors
