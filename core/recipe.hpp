// An image's recipe: TOML text in, value out.
#pragma once

#include "protocol/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace banger::core {

struct recipe_file {
  std::string path; ///< absolute, in the guest
  std::string content;
  std::uint32_t mode = 0644;
};

struct recipe {
  std::string suite = "bookworm";
  std::string mirror;                ///< empty: the host's own
  std::vector<std::string> packages; ///< beside what every guest needs
  std::string init = "banger";       ///< or "systemd"
  std::uint32_t root_mib = 8192;
  std::vector<recipe_file> files;
  std::vector<std::string> run; ///< shell commands, run in the new root at the end
};

/// Errors: bad_request, naming the line, or the key that is unknown or of another type.
[[nodiscard]] result<recipe> parse_recipe(std::string_view text, std::string_view name);

} // namespace banger::core
