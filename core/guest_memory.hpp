// What a guest's agent says of its memory over the control port. Pure.
#pragma once

#include "protocol/resource_orders.hpp"

#include <optional>
#include <string_view>

namespace banger::core {

/// The question, a line.
inline constexpr std::string_view memory_question = "memory\n";

/// Reads "memory TOTAL AVAILABLE", both in KiB; nothing where the line is another.
[[nodiscard]] std::optional<guest_memory> parse_guest_memory(std::string_view line);

} // namespace banger::core
