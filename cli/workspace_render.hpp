// Workspaces, as text and as JSON. Pure.
#pragma once

#include "cli/workspace_find.hpp"
#include "cli/workspace_send.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace banger::cli {

[[nodiscard]] std::string workspace_details(const workspace_state& x, std::int64_t now_ms);

/// "M file", a line each; of many the first ones.
[[nodiscard]] std::string change_lines(const std::vector<std::pair<char, std::string>>& changes);

[[nodiscard]] std::string json(const workspace_info& x);
[[nodiscard]] std::string json(const workspace_state& x);
[[nodiscard]] std::string workspace_list_json(const std::string& vm,
                                              const std::vector<std::string>& paths);
[[nodiscard]] std::string sync_json(const std::string& vm, const std::string& path, bool to_host,
                                    bool is_done,
                                    const std::vector<std::pair<char, std::string>>& changes);

} // namespace banger::cli
