// Runs scripts of ours in a guest and keeps what they print.
#pragma once

#include "cli/exec_stream.hpp"
#include "host/unique_fd.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger::cli {

struct script_end {
  int status = 0;
  std::string out, err;
  std::uint64_t taken = 0; ///< bytes of input
};

/// @param in  its stdin, not owned; -1: nothing
/// Errors: as run_in_guest; cancelled, where Ctrl-C ended it.
[[nodiscard]] result<script_end> run_script(session& talk, const std::string& ref,
                                            const std::vector<std::string>& argv, int in = -1);

/// As run_script; its stdout goes to `out`.
[[nodiscard]] result<script_end> run_script_to(session& talk, const std::string& ref,
                                               const std::vector<std::string>& argv, int in,
                                               int out);

/// The failure that a workspace script ended with.
[[nodiscard]] failure script_failure(const std::string& what, const script_end& end);

} // namespace banger::cli
