// How an agent gets into a guest that has none: a command for its shell, which takes the program's
// bytes on its standard input. Pure.
#pragma once

#include "protocol/errors.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace banger::core {

/// The command. The program is written beside where it is to be, compared with what was sent,
/// moved there in one step, and started in the background; nothing else is left of it.
/// @param digest  of the program: SHA-256, in lower-case hexadecimal
[[nodiscard]] std::string agent_install_command(std::string_view digest);

/// What went wrong, for the user. @param status, said  what the command exited with, and wrote
[[nodiscard]] failure agent_install_failure(const std::string& vm_name, std::int32_t status,
                                            const std::string& said);

} // namespace banger::core
