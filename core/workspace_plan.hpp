// Which files of a repository's work tree git can make again in the guest, and which have to be
// sent.
#pragma once

#include "core/git_text.hpp"

#include <string>
#include <utility>
#include <vector>

namespace banger::core {

/// What git says of a work tree.
struct workspace_listing {
  std::vector<index_entry> index;
  std::vector<std::pair<char, std::string>> changes; ///< of the work tree against the index
  std::vector<std::string> untracked;                ///< those that are to go along
  std::vector<std::string>
      filtered; ///< files whose content a program of the host makes: of Git LFS
  std::vector<std::string> converted; ///< that git may make otherwise than they are here
  std::vector<std::string> hidden;    ///< of the skip-worktree entries those that are there
};

struct workspace_plan {
  std::vector<std::string> made; ///< in the guest, by git, from the index
  std::vector<std::string> sent; ///< as they are here
  std::vector<std::string>
      assumed; ///< of `sent`: to be taken for unchanged, because only a filter tells
  std::vector<std::string> unsettled;  ///< of `sent`: changed, and a filter makes their content
  std::vector<std::string> objects;    ///< blobs of the index
  std::vector<std::string> submodules; ///< that stay empty
  std::vector<std::string> nested;     ///< untracked repositories, which stay behind
};

/// Every file of the index is made, sent, deleted (in neither list), out of the sparse checkout, or
/// a submodule. Lists are sorted and without doubles.
[[nodiscard]] workspace_plan plan_workspace(const workspace_listing& listing);

/// The commits of a shallow history whose parents are left out. @param commits  lines of
/// `git rev-list --parents`: a commit and its parents
/// @param already  commits at which the repository's own history is cut off
[[nodiscard]] std::vector<std::string> shallow_boundary(const std::vector<std::string>& commits,
                                                        const std::vector<std::string>& already);

/// "/srv/my repo/" gives "my repo": what the guest's folder is called. Empty where nothing is left.
[[nodiscard]] std::string workspace_name(std::string_view folder);

} // namespace banger::core
