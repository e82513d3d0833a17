// The command line of the real ssh for one guest. Pure. Host keys are checked against banger's own
// file and nothing else; there is no way to turn that off.
#pragma once

#include "protocol/values.hpp"

#include <string>
#include <vector>

namespace banger::core {

/// @param program  path of ssh  @param more  further arguments of the user: options, or a command
[[nodiscard]] std::vector<std::string> ssh_arguments(const std::string& program,
                                                     const ssh_target& whom,
                                                     const std::vector<std::string>& more);

} // namespace banger::core
