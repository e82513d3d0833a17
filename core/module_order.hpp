// In which order kernel modules must be loaded. Pure. Source: modules.dep(5).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace banger::core {

/// Paths (as modules.dep has them) of the wanted modules and all they need, dependencies first,
/// each once. A module that is not there is left out: it may be built in.
[[nodiscard]] std::vector<std::string> module_load_order(std::string_view modules_dep,
                                                         const std::vector<std::string>& wanted);

} // namespace banger::core
