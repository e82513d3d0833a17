// What the guest does for workspaces, as scripts for its sh: an image needs git and tar, and
// nothing of ours. A script ends with status 0, or with one of script_status and a line on stderr
// that says why.
#pragma once

#include <string>
#include <vector>

namespace banger::core {

enum class script_status : int {
  missing_git = 71,
  exists = 72,   ///< there is something else where the workspace is to be
  unknown = 73,  ///< there is no workspace
  changed = 74,  ///< it was changed in the guest
  conflict = 75, ///< the branch cannot be made: files that were changed here differ in it
  bad_base = 76, ///< no such commit
};

struct prepare_order {
  std::string path;   ///< where to, absolute
  std::string branch; ///< to be made; empty: none
  std::string from;   ///< its commit; empty: what is checked out
  bool is_repository = true;
};

/// Each is a command line: sh, -c, the script and its arguments.

/// Takes a tar archive on stdin, and makes the workspace of it: all or nothing.
[[nodiscard]] std::vector<std::string> prepare_script(const prepare_order& order);

/// Prints the paths of all workspaces, each with a NUL behind it.
[[nodiscard]] std::vector<std::string> list_workspaces_script();

/// Prints a patch from `base`, a commit or tree, to what is in the work tree. Files that are
/// ignored do not count. Empty: the commit that was prepared. With `since_prepared`: from all that
/// was prepared.
[[nodiscard]] std::vector<std::string> export_script(const std::string& path,
                                                     const std::string& base, bool since_prepared);

/// Prints, each with a NUL behind it: the record that came with the workspace, the commit that is
/// checked out, the branch, how many commits were made; then, as git diff --name-status does, what
/// was changed since.
[[nodiscard]] std::vector<std::string> status_script(const std::string& path);

/// Takes a tar archive on stdin, as prepare, and makes of it beside the workspace what shall be
/// there. Prints what that changes, as git diff --name-status -z does. With `is_forced`, also where
/// the guest has changes, which it prints to stderr.
[[nodiscard]] std::vector<std::string> stage_sync_script(const std::string& path, bool is_forced);

/// Puts in place what was staged; files that are ignored stay, and those that are the same are not
/// touched.
[[nodiscard]] std::vector<std::string> apply_sync_script(const std::string& path);

/// Forgets what was staged.
[[nodiscard]] std::vector<std::string> drop_sync_script(const std::string& path);

/// Keeps what is in the work tree now as a tree. Prints its name and a NUL, then what differs from
/// what was prepared, as git diff --name-status -z does, an empty part, and `git ls-tree -r -z` of
/// what was prepared.
[[nodiscard]] std::vector<std::string> freeze_script(const std::string& path);

/// Prints a patch from what was prepared to a tree that freeze_script named.
[[nodiscard]] std::vector<std::string> frozen_patch_script(const std::string& path,
                                                           const std::string& tree);

/// From now on this tree counts as what was prepared, and `record` says where it came from.
[[nodiscard]] std::vector<std::string>
settle_script(const std::string& path, const std::string& tree, const std::string& record);

/// Removes a workspace that was made just now.
[[nodiscard]] std::vector<std::string> remove_script(const std::string& path);

} // namespace banger::core
