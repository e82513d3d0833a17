// A git folder for the guest: refs, configuration, rules, and the state of a merge. Objects come
// apart.
#pragma once

#include "workspace/history.hpp"
#include "workspace/repository.hpp"

#include <string>
#include <utility>
#include <vector>

namespace banger::workspace {

/// Tags on commits that go along, so that git describe works.
struct tags {
  std::string refs;    ///< lines of packed-refs
  std::string objects; ///< of annotated ones, a line each
};

/// Errors: failed, cancelled.
[[nodiscard]] result<tags> find_tags(const git& program, const std::vector<std::string>& commits);

/// The settings that go into a guest, from all of the user's configuration files or only from
/// `which`, as git config takes it. Errors: failed, cancelled.
[[nodiscard]] result<std::vector<std::pair<std::string, std::string>>>
carried_settings(const git& program, const std::vector<std::string>& which = {});

/// Writes all but the index and the objects to `folder`, which has the folders of a git folder.
/// @returns warnings: of what does not go along. Errors: failed, no_space, cancelled.
[[nodiscard]] result<std::vector<std::string>>
write_git_folder(const repository& where, const git& program, const history& past,
                 const tags& marks, const std::string& folder);

} // namespace banger::workspace
