// What SHA-1 and SHA-256 share: 64-byte blocks of sixteen big-endian words, and the padding (FIPS
// 180-4, section 5). For core/sha1.cpp and core/sha256.cpp only.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace banger::core::sha_blocks {

constexpr std::size_t block_size = 64;

/// `message`, a one bit, zeros, and the message's length in bits: a multiple of 64 bytes.
[[nodiscard]] inline std::string padded(std::string_view message) {
  std::string out(message);
  out += '\x80';
  while (out.size() % block_size != block_size - sizeof(std::uint64_t))
    out += '\0';
  const std::uint64_t bits = static_cast<std::uint64_t>(message.size()) * 8;
  for (unsigned shift = 64; shift != 0; shift -= 8)
    out += static_cast<char>(bits >> (shift - 8) & 0xff);
  return out;
}

/// The sixteen words of the block that starts at `offset`.
[[nodiscard]] inline std::array<std::uint32_t, 16> words_of(std::string_view padded,
                                                            std::size_t offset) {
  std::array<std::uint32_t, 16> out{};
  for (std::size_t i = 0; i < block_size; ++i)
    out[i / 4] = out[i / 4] << 8 | static_cast<unsigned char>(padded[offset + i]);
  return out;
}

/// The words as bytes, highest byte first.
template <std::size_t N>
[[nodiscard]] std::string bytes_of(const std::array<std::uint32_t, N>& words) {
  std::string out;
  out.reserve(N * 4);
  for (auto word : words)
    for (unsigned shift = 32; shift != 0; shift -= 8)
      out += static_cast<char>(word >> (shift - 8) & 0xff);
  return out;
}

} // namespace banger::core::sha_blocks
