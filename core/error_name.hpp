// Error codes by their names, as JSON has them.
#pragma once

#include "protocol/errors.hpp"

#include <string_view>

namespace banger::core {

/// The code of that name; `failed` for a name this version does not know.
[[nodiscard]] ec error_code(std::string_view name);

} // namespace banger::core
