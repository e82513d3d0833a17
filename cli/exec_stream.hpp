// Joins our standard streams to a command in a guest.
#pragma once

#include "cli/session.hpp"

#include <string>

namespace banger::cli {

/// Runs the command of `how` in VM `ref` and copies stdin, stdout and stderr both ways until it
/// ends. Binary-safe; what is held in memory is bounded by the credit. The first Ctrl-C goes to the
/// command, a second one, or SIGTERM or SIGHUP, ends the connection and with it the command.
/// @returns the exit status for this program: the command's own, or 128 plus a signal. Errors: as
/// open_exec, and failed where the output cannot be written.
[[nodiscard]] result<int> stream_exec(session& talk, const std::string& ref);

} // namespace banger::cli
