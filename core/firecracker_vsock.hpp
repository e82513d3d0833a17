// Connections between host and guest through Firecracker's virtio-vsock device, whose host end is a
// Unix socket: the first line of a connection says which port of the guest it is for. Pure.
// Source: Firecracker's docs/vsock.md.
#pragma once

#include "protocol/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace banger::core::firecracker {

/// What a host writes first, once connected to the device's socket: "CONNECT 52\n".
[[nodiscard]] std::string connect_line(std::uint32_t port);

/// What Firecracker answers where the guest listens: "OK 1073741824". Where it does not, the
/// connection just ends. @param line  without its line feed. @returns the host's end of it, a vsock
/// port. Errors: unreachable.
[[nodiscard]] result<std::uint32_t> parse_connect_reply(std::string_view line);

/// Longest answer, its line feed included. Bytes after it are the guest's.
inline constexpr std::size_t longest_connect_reply = sizeof "OK 4294967295";

/// Where the host listens for connections that the guest makes to `port` of the host (CID 2).
[[nodiscard]] std::string guest_initiated_path(const std::string& device_path, std::uint32_t port);

} // namespace banger::core::firecracker
