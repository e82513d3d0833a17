// The state of the program as text: JSON that a person can read and, with the program ended, edit.
#pragma once

#include "plan.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace orchestrator {

[[nodiscard]] std::string to_text(const fleet& x);

/// @returns nothing where it is not what to_text() writes, perhaps with other white space: a state
/// that is half understood is worse than none
[[nodiscard]] std::optional<fleet> from_text(std::string_view text);

/// In quotes, with what JSON wants escaped.
[[nodiscard]] std::string quoted(std::string_view text);

/// One line of JSON. @param at_ms  Unix time
[[nodiscard]] std::string to_line(const change& x, std::int64_t at_ms);

} // namespace orchestrator
