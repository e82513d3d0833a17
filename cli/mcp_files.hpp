// How banger mcp reads and writes files of a sandbox: scripts for its sh, and what they say. Pure.
#pragma once

#include "cli/json_values.hpp"
#include "protocol/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger::cli::mcp {

/// What part of a file is wanted.
struct read_wish {
  std::string path;
  std::uint64_t first_line = 0; ///< 0: by bytes
  std::uint64_t line_count = 0; ///< 0: to the end
  std::uint64_t offset = 0;
  std::size_t max_bytes = 0;
  bool is_base64 = false;
};

/// Errors: bad_request (lines and bytes at once).
[[nodiscard]] result<read_wish> read_wish_of(const record& arguments);

/// Prints a line with the file's size, and by lines their number, and then the part.
[[nodiscard]] std::vector<std::string> read_script(const read_wish& x);

/// What a model reads: which part of how much this is, where to go on, and the part.
[[nodiscard]] std::string read_text(const read_wish& x, const std::string& output);

/// Takes `size` bytes on stdin; the file is there whole or not at all.
[[nodiscard]] std::vector<std::string>
write_script(const std::string& path, const std::string& mode, bool appends, std::size_t size);

/// Three or four octal digits, or none. Errors: bad_request.
[[nodiscard]] result<void> check_mode(const std::string& mode);

} // namespace banger::cli::mcp
