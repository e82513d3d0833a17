// SHA-256, for the fingerprints of host keys, and for what is copied into guests.
#pragma once

#include <string>
#include <string_view>

namespace banger::core {

/// The SHA-256 digest of `message`: 32 raw bytes. Source: FIPS 180-4.
[[nodiscard]] std::string sha256(std::string_view message);

/// The same in lower-case hexadecimal, as sha256sum(1) prints it.
[[nodiscard]] std::string sha256_hex(std::string_view message);

} // namespace banger::core
