// SHA-256, for the fingerprints of host keys.
#pragma once

#include <string>
#include <string_view>

namespace banger::core {

/// The SHA-256 digest of `message`: 32 raw bytes. Source: FIPS 180-4.
[[nodiscard]] std::string sha256(std::string_view message);

} // namespace banger::core
