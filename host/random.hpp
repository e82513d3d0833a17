// Random bytes from the kernel, fit for tokens and ids (getrandom(2)).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace banger::host {

/// `n` random bytes, n <= 256.
[[nodiscard]] std::string random_bytes(std::size_t n);

/// 2n hex digits.
[[nodiscard]] std::string random_hex(std::size_t n);

[[nodiscard]] std::uint64_t random_u64();

} // namespace banger::host
