// Named moments at which a test may end the process or make a step fail. The programs that are
// installed have none of it: there fault_at() never says anything. tests/faults has the other one.
#pragma once

#include "protocol/errors.hpp"

#include <optional>

namespace banger::host {

enum class fault_moment : std::uint8_t { before, after };

/// @param point  "start.launch": an operation and one step of it
/// @returns the failure that the step is to have; nothing: it goes on. With a fault of the kind
/// that ends the process it does not return.
[[nodiscard]] std::optional<failure> fault_at(const char* point, fault_moment when);

} // namespace banger::host
