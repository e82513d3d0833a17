// Finds a daemon, or starts one.
#pragma once

#include "client/connection.hpp"
#include "host/paths.hpp"
#include "protocol/result.hpp"

namespace banger::client {

struct launch_options {
  bool may_start = true;
  milliseconds timeout{15'000}; ///< for all of it
};

/// Connects; where nobody listens, starts bangerd first. Of clients that race, one starts it and
/// all connect. Errors: unreachable, version_mismatch, missing_program (no bangerd), and what
/// bangerd says why it can't start.
[[nodiscard]] result<connection> connect_or_start(const host::paths& where,
                                                  const launch_options& how);

/// Ends the daemon and waits until its process is gone; one of another protocol version is sent
/// SIGTERM, which is the same to it. VMs go on running. @returns false where none ran. Errors:
/// timed_out (it does not end), unsafe_path (the socket belongs to somebody else).
[[nodiscard]] result<bool> stop_daemon(const host::paths& where, milliseconds timeout);

} // namespace banger::client
