// Sends requests to the API of one Firecracker process: HTTP over its Unix socket, by libcurl,
// which is loaded with the first of them.
#pragma once

#include "core/firecracker_api.hpp"
#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace banger::hypervisor {

/// Longest answer that is taken, in bytes. The longest one Firecracker gives, a VM's whole
/// configuration, has some thousands.
inline constexpr std::size_t most_reply_bytes = 1U << 20;

/// Sends one request and waits for its answer. A connection of its own for each, so that nothing is
/// ever sent twice: a start that got no answer may have happened.
/// @param socket  path of the API's socket; 107 bytes at most, as Firecracker made it.
/// @param limit   for all of it: connection, request and answer.
/// @returns the answer's body. Errors: hypervisor_failed, with Firecracker's fault_message where it
/// refused, or with what went wrong (nobody listens, it ended half-way, it speaks no HTTP, its
/// answer is too long); timed_out; missing_program where there is no libcurl. Blocks.
[[nodiscard]] result<std::string> call_firecracker_blocking(const std::string& socket,
                                                            const core::firecracker::request& what,
                                                            std::chrono::milliseconds limit);

/// The same for several, one after the other; ends with the first that fails.
/// @param limit  for all of them together.
[[nodiscard]] result<void>
call_firecracker_blocking(const std::string& socket,
                          const std::vector<core::firecracker::request>& all,
                          std::chrono::milliseconds limit);

/// Waits until a Firecracker that was just started listens, or has ended. Errors: timed_out;
/// hypervisor_failed where it ended. Blocks.
/// @param process  its pidfd
[[nodiscard]] result<void> await_firecracker_blocking(const std::string& socket,
                                                      const host::unique_fd& process,
                                                      std::chrono::milliseconds limit);

/// Asks a Firecracker what it is. Errors: as call_firecracker_blocking; also hypervisor_failed
/// where it is older than core::firecracker::oldest_version. Blocks.
[[nodiscard]] result<core::firecracker::instance_info>
greet_firecracker_blocking(const std::string& socket, std::chrono::milliseconds limit);

} // namespace banger::hypervisor
