#include "core/sha256.hpp"

#include "core/sha256_block.h"
#include "core/sha_blocks.hpp"

namespace banger::core {

std::string sha256(std::string_view message) {
  std::array<std::uint32_t, SHA256_WORDS> hash;
  sha256_begin(hash.data());
  const auto text = sha_blocks::padded(message);
  for (std::size_t at = 0; at < text.size(); at += sha_blocks::block_size)
    sha256_compress(hash.data(), reinterpret_cast<const unsigned char*>(text.data()) + at);
  return sha_blocks::bytes_of(hash);
}

std::string sha256_hex(std::string_view message) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const auto c : sha256(message)) {
    const auto byte = static_cast<unsigned char>(c);
    out += digits[byte >> 4];
    out += digits[byte & 0xf];
  }
  return out;
}

} // namespace banger::core
