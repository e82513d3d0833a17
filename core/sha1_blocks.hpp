// The compression function of SHA-1, on one message or on several side by side. For core/sha1.cpp
// and core/hashed_names.cpp only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace banger::core::sha1_blocks {

template <class Word>
using state = std::array<Word, 5>;

/// What a digest starts from (FIPS 180-4, section 5.3.1).
constexpr state<std::uint32_t> initial = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
                                          0xc3d2e1f0};

template <class Word>
Word rotated(Word x, int bits) {
  return x << bits | x >> (32 - bits);
}

/// The twenty rounds from `first` on, with their function and constant (FIPS 180-4, sections 4.1.1
/// and 4.2.1).
template <class Word, class Function>
void twenty_rounds(state<Word>& hash, const std::array<Word, 80>& w, std::size_t first,
                   std::uint32_t constant, Function function) {
  auto [a, b, c, d, e] = hash;
  for (auto t = first; t < first + 20; ++t) {
    const Word next = rotated(a, 5) + function(b, c, d) + e + w[t] + constant;
    e = d;
    d = c;
    c = rotated(b, 30);
    b = a;
    a = next;
  }
  hash = {a, b, c, d, e};
}

/// Takes one block into `hash`. `Word` is std::uint32_t, or a vector of them: each lane is then a
/// digest of its own (FIPS 180-4, section 6.1.2).
template <class Word>
void compress(state<Word>& hash, const std::array<Word, 16>& block) {
  std::array<Word, 80> w;
  for (std::size_t t = 0; t < 16; ++t)
    w[t] = block[t];
  for (std::size_t t = 16; t < 80; ++t)
    w[t] = rotated<Word>(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  const auto before = hash;
  const auto parity = [](Word b, Word c, Word d) { return b ^ c ^ d; };
  twenty_rounds(hash, w, 0, 0x5a827999, [](Word b, Word c, Word d) { return d ^ (b & (c ^ d)); });
  twenty_rounds(hash, w, 20, 0x6ed9eba1, parity);
  twenty_rounds(hash, w, 40, 0x8f1bbcdc,
                [](Word b, Word c, Word d) { return (b & c) | (d & (b | c)); });
  twenty_rounds(hash, w, 60, 0xca62c1d6, parity);
  for (std::size_t i = 0; i < hash.size(); ++i)
    hash[i] += before[i];
}

} // namespace banger::core::sha1_blocks
