// SHA-1 and HMAC-SHA1, only because the hashed names of a known_hosts file are made with them.
// Never for anything that must resist an attacker.
#pragma once

#include <string>
#include <string_view>

namespace banger::core {

/// The SHA-1 digest of `message`: 20 raw bytes. Source: FIPS 180-4.
[[nodiscard]] std::string sha1(std::string_view message);

/// HMAC-SHA1 of `message` under `key`: 20 raw bytes. Source: RFC 2104.
[[nodiscard]] std::string hmac_sha1(std::string_view key, std::string_view message);

} // namespace banger::core
