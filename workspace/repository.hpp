// The repository that a path of the host is in.
#pragma once

#include "protocol/result.hpp"
#include "workspace/git.hpp"

#include <string>

namespace banger::workspace {

struct repository {
  std::string top;        ///< the root of its work tree, absolute
  std::string prefix;     ///< where in it the path is: "sub/folder/", or empty
  std::string git_dir;    ///< absolute; of a linked work tree its own
  std::string common_dir; ///< absolute; differs from git_dir in a linked work tree
  std::string head;       ///< the commit that is checked out; empty before the first one
  std::string branch;     ///< "refs/heads/main"; empty where HEAD is detached
};

/// Errors: not_found (no such folder, or no repository around it; `why` tells), bad_request (it has
/// no work tree), failed, missing_program, cancelled.
[[nodiscard]] result<repository> find_repository(const std::string& path, int cancel_fd);

/// Its object directory borrows from another one, which a copy of the folder would not have.
[[nodiscard]] bool has_alternates(const repository& where);

} // namespace banger::workspace
