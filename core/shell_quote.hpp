// Quotes for sh(1), where a command has to pass through a shell.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace banger::core {

/// One word, in single quotes: any bytes but NUL survive.
[[nodiscard]] std::string shell_quote(std::string_view word);

/// "cd DIR && exec env A=B CMD ARG...", every word quoted.
[[nodiscard]] std::string shell_command(const std::vector<std::string>& argv,
                                        const std::vector<std::string>& env, std::string_view cwd);

} // namespace banger::core
