// The workspaces that a guest has, and what it knows of them.
#pragma once

#include "cli/session.hpp"
#include "workspace/snapshot.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace banger::cli {

/// How a workspace compares with where it came from.
struct workspace_state {
  std::string vm, guest_path;
  // As it was prepared:
  std::string source; ///< path of the host
  std::string mode;
  workspace::untracked_choice untracked;
  std::string head, branch, tree;
  std::int64_t prepared_at_ms = 0;
  // In the guest now:
  std::string guest_head, guest_branch;
  std::uint64_t guest_commits = 0;                         ///< made since
  std::vector<std::pair<char, std::string>> guest_changes; ///< since: A, M, T or D, and the file
  // On the host now; empty where the repository cannot be found any more:
  std::string host_head;
  bool is_host_known = false;
  bool is_host_changed = false; ///< other files, or another content
  std::string host_problem;     ///< why it is not known
};

/// Paths of the guest. Errors: as run_script.
[[nodiscard]] result<std::vector<std::string>> workspaces_of(session& talk, const std::string& vm);

/// The workspace that was asked for, or the only one. Errors: not_found; bad_request where there
/// are several.
[[nodiscard]] result<std::string> pick_workspace(session& talk, const std::string& vm);

/// The guest's part; the host's stays empty.
[[nodiscard]] result<workspace_state> ask_workspace(session& talk, const std::string& vm,
                                                    const std::string& guest_path);

/// Adds the host's part. Never fails: host_problem says what went wrong.
void compare_with_host(session& talk, const std::string& work_parent, workspace_state& x);

} // namespace banger::cli
