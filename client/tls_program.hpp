// Finds banger-tls, which is beside banger in a build folder, and in libexec where it is installed.
#pragma once

#include "protocol/result.hpp"

#include <string>

namespace banger::client {

/// Its absolute path. Errors: missing_program.
[[nodiscard]] result<std::string> find_tls_program();

} // namespace banger::client
