// What banger-helper is told on its command line.
#pragma once

#include "protocol/result.hpp"

#include <cstdint>
#include <string>

namespace banger::helper {

struct options {
  std::uint32_t owner = 0;
  std::string socket; ///< path; empty: the default of the owner
  enum class what : std::uint8_t { serve, help, version } wanted = what::serve;
};

/// Errors: bad_request.
[[nodiscard]] result<options> parse_options(int argc, char** argv);

[[nodiscard]] std::string help_text();

} // namespace banger::helper
