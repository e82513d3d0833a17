// Which commits of a repository go along.
#pragma once

#include "workspace/repository.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger::workspace {

struct history_request {
  std::uint32_t depth = 0; ///< commits; 0: as many as cost little
  bool is_whole = false;   ///< all, whatever it costs
  std::string from;        ///< a commit that has to be there too; empty: none
};

struct history {
  std::vector<std::string> commits; ///< each with its parents: "COMMIT PARENT..."
  std::string from;                 ///< the commit of the request's `from`
  bool is_whole = false;            ///< of all branches
};

/// Errors: not_found (`from`), failed, cancelled.
[[nodiscard]] result<history> choose_history(const repository& where, const git& program,
                                             const history_request& request);

/// The names alone, a line each.
[[nodiscard]] std::string names_of(const std::vector<std::string>& commits);

/// A small file of git's own; empty where there is none.
[[nodiscard]] std::string git_file(const std::string& path);

} // namespace banger::workspace
