// What git prints, and what is to be kept of it. Paths are bytes: any but NUL.
#pragma once

#include "protocol/result.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace banger::core {

/// One line of an index.
struct index_entry {
  char tag =
      'H'; ///< as ls-files -v has it: S skip-worktree, M unmerged; lower case: assumed unchanged
  std::string mode; ///< "100644", "100755", "120000", "160000"
  std::string object;
  int stage = 0; ///< 1 to 3: of a merge that is not over
  std::string path;
  friend bool operator==(const index_entry&, const index_entry&) = default;
};

/// Of `git ls-files -z -s -v`. Errors: failed, where it is something else.
/// Source: git-ls-files(1), "OUTPUT".
[[nodiscard]] result<std::vector<index_entry>> parse_index(std::string_view text);

/// The parts of a text of which each has a NUL behind it.
[[nodiscard]] std::vector<std::string> split_nul(std::string_view text);

/// The inverse of split_nul.
[[nodiscard]] std::string join_nul(const std::vector<std::string>& parts);

/// The lines of a text, without their newlines.
[[nodiscard]] std::vector<std::string> split_lines(std::string_view text);

/// Of `git diff-files -z --name-status --no-renames` and its like: the letter (A, M, D, T, U) and
/// the path. Errors: failed, where it is something else.
[[nodiscard]] result<std::vector<std::pair<char, std::string>>>
parse_name_status(std::string_view text);

/// Of `git config -z --list`: name and value; a name alone has the value "true". Of a name that
/// comes more than once all are kept, in their order.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> parse_config(std::string_view text);

/// A remote's URL without the user's name and password or token in it. That of ssh (git@host)
/// stays: it names an account, not a secret. What is no URL stays as it is.
[[nodiscard]] std::string without_credentials(std::string_view url);

/// Whether a setting may go into a guest: what decides how files look and what `git status` says,
/// who commits, and where branches come from. Nothing that holds a credential, runs a program or
/// names a file of the host.
/// @param name  as git prints it: section and variable in lower case
[[nodiscard]] bool may_be_carried(std::string_view name);

/// A configuration file with these settings. Source: git-config(1), "CONFIGURATION FILE".
[[nodiscard]] std::string
config_text(const std::vector<std::pair<std::string, std::string>>& settings);

} // namespace banger::core
