// Going into the background: the process that was started stays until the daemon is ready, and
// tells how it went by its exit status.
#pragma once

#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <string>

namespace banger::daemon {

/// Forks twice. Returns in the daemon only: in a session of its own, in "/", with standard streams
/// on /dev/null. The first process waits for report_ready or report_failure and exits with 0 or 1.
/// @pre no thread has been started
[[nodiscard]] result<host::unique_fd> detach();

/// Lets the waiting process exit with 0.
void report_ready(const host::unique_fd& channel);

/// Makes the waiting process print `line` and exit with 1.
void report_failure(const host::unique_fd& channel, const std::string& line);

} // namespace banger::daemon
