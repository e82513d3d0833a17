// The lines between the daemon and a guest's agent, and those of QMP: small, on sockets that are
// empty nearly always.
#pragma once

#include "host/unique_fd.hpp"

#include <string>

namespace banger::actors {

/// Writes a line, its line feed included. What does not fit is lost, and the next, harder step of
/// an ending makes up for it.
void say(const host::unique_fd& fd, const std::string& line);

/// Reads what is there. @returns false at the end of the stream.
[[nodiscard]] bool drain(const host::unique_fd& fd, std::string& out);

/// Tells a guest's agent the time: the clock it booted with is as old as the boot took.
void say_time(const host::unique_fd& control);

} // namespace banger::actors
