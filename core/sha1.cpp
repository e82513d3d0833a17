#include "core/sha1.hpp"

#include "core/sha_blocks.hpp"

namespace banger::core {

namespace {

using state = std::array<std::uint32_t, 5>;

/// The round function and constant of step `t` (FIPS 180-4, sections 4.1.1 and 4.2.1).
std::uint32_t round_term(std::size_t t, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  if (t < 20)
    return ((b & c) | (~b & d)) + 0x5a827999;
  if (t < 40)
    return (b ^ c ^ d) + 0x6ed9eba1;
  if (t < 60)
    return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
  return (b ^ c ^ d) + 0xca62c1d6;
}

void compress(state& hash, const std::array<std::uint32_t, 16>& block) {
  std::array<std::uint32_t, 80> w{};
  for (std::size_t t = 0; t < 80; ++t)
    w[t] = t < 16 ? block[t] : std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  auto [a, b, c, d, e] = hash;
  for (std::size_t t = 0; t < 80; ++t) {
    const auto next = std::rotl(a, 5) + round_term(t, b, c, d) + e + w[t];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  hash = {hash[0] + a, hash[1] + b, hash[2] + c, hash[3] + d, hash[4] + e};
}

} // namespace

std::string sha1(std::string_view message) {
  state hash{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const auto text = sha_blocks::padded(message);
  for (std::size_t at = 0; at < text.size(); at += sha_blocks::block_size)
    compress(hash, sha_blocks::words_of(text, at));
  return sha_blocks::bytes_of(hash);
}

std::string hmac_sha1(std::string_view key, std::string_view message) {
  std::string block = key.size() > sha_blocks::block_size ? sha1(key) : std::string(key);
  block.resize(sha_blocks::block_size, '\0');
  std::string inner = block;
  std::string outer = block;
  for (char& c : inner)
    c = static_cast<char>(c ^ 0x36);
  for (char& c : outer)
    c = static_cast<char>(c ^ 0x5c);
  inner += message;
  return sha1(outer + sha1(inner));
}

} // namespace banger::core
