// What a client and a daemon compare before they talk.
#pragma once

#include <cstdint>
#include <string_view>

namespace banger {

/// Raised with every change of a wire struct: fields are positional, so both sides must agree.
inline constexpr std::uint32_t protocol_version = 7;

/// What a peer of the same protocol version may or may not know, a bit each: for messages that one
/// side can do without. None so far.
inline constexpr std::uint64_t known_features = 0;

/// The release, as `banger version` prints it.
inline constexpr std::string_view program_version = BANGER_VERSION;

/// CAF's application identifier: a peer with another one is refused while connecting.
inline constexpr std::string_view app_identifier = "banger-1";

/// The key under which the gateway is published. Not a TCP port: the socket has one actor only.
inline constexpr std::uint16_t gateway_port = 1;

} // namespace banger
