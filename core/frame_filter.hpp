// Which Ethernet frames of a guest the user-mode network may see. libslirp is told to keep the
// guest away from the host's loopback, but it looks at its own aliases only: a guest that builds
// raw packets could still ask it to connect to 127.0.0.1. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace banger::core {

enum class frame_verdict : std::uint8_t {
  pass,
  truncated, ///< shorter than its own headers say
  loopback,  ///< IPv4 destination in 127.0.0.0/8 or 0.0.0.0/8 (Linux connects the latter to itself)
  ipv6,      ///< not offered to guests
};

/// Judges one frame, without its length prefix. A later fragment of an IP packet is judged by its
/// own header, which repeats the destination.
[[nodiscard]] frame_verdict judge_frame(std::string_view frame);

} // namespace banger::core
