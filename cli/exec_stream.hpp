// Joins our standard streams to a command in a guest.
#pragma once

#include "cli/session.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger::cli {

/// Where a command's streams go. Not owned.
struct exec_ends {
  int in = -1; ///< -1: nothing comes
  int out = -1, err = -1;
};

struct exec_done {
  int status = 0;          ///< for this program: the command's own, or 128 plus a signal
  std::uint64_t taken = 0; ///< bytes of input that were sent
};

/// Runs a command in a guest with its streams joined to `ends`. Otherwise as stream_exec.
[[nodiscard]] result<exec_done> run_in_guest(session& talk, const std::string& ref,
                                             const std::vector<std::string>& argv,
                                             const exec_ends& ends);

/// Runs the command of `how` in VM `ref`, in `folder` where nothing else was asked for, and copies
/// stdin, stdout and stderr both ways until it ends. Binary-safe; what is held in memory is bounded
/// by the credit. The first Ctrl-C goes to the command, a second one, or SIGTERM or SIGHUP, ends
/// the connection and with it the command.
/// @returns the exit status for this program: the command's own, or 128 plus a signal. Errors: as
/// open_exec, and failed where the output cannot be written.
[[nodiscard]] result<int> stream_exec(session& talk, const std::string& ref,
                                      const std::string& folder);

} // namespace banger::cli
