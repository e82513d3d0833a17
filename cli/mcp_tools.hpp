// The tools that banger mcp offers: one table, which checks arguments and is what an agent reads.
#pragma once

#include "cli/rpc_schema.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace banger::cli::mcp {

struct tool {
  std::string name;
  std::string title;
  std::string about; ///< for a model: short and exact
  rpc::shape arguments;
  bool is_reading = false;     ///< changes nothing
  bool is_destructive = false; ///< what it removes is gone
  bool is_open = false;        ///< reaches beyond the sandboxes: a command may use the network
};

[[nodiscard]] const std::vector<tool>& tools();
/// Nothing where there is none of that name.
[[nodiscard]] const tool* find_tool(std::string_view name);
/// As tools/list has it.
[[nodiscard]] record tool_list();

// Bounds and defaults of arguments.
inline constexpr std::int64_t exec_seconds = 120, most_seconds = 3600;
inline constexpr std::int64_t exec_output = 32 << 10, most_output = 1 << 20;
inline constexpr std::int64_t file_output = 64 << 10;

} // namespace banger::cli::mcp
