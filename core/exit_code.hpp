// Exit statuses of the command line: docs/cli.md promises them. Pure.
#pragma once

#include "protocol/errors.hpp"

namespace banger::core {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_not_found = 3;
inline constexpr int exit_conflict = 4;
inline constexpr int exit_unreachable = 5;
inline constexpr int exit_host_key = 6;
inline constexpr int exit_timed_out = 7;
inline constexpr int exit_signalled = 128; ///< plus the signal's number

[[nodiscard]] int exit_code(ec code);

} // namespace banger::core
