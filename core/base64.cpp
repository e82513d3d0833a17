#include "core/base64.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace banger::core {

namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

constexpr std::uint8_t no_sextet = 0xff;

/// The six bits each character stands for; no_sextet for one outside of the alphabet.
constexpr std::array<std::uint8_t, 256> sextets = [] {
  std::array<std::uint8_t, 256> out{};
  out.fill(no_sextet);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    out[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return out;
}();

char byte_at(std::uint32_t bits, unsigned shift) {
  return static_cast<char>((bits >> shift) & 0xff);
}

/// Adds the bytes of a last group that has less than four characters.
/// @returns false where the group is incomplete, or where the bits the padding cuts off are not
/// zero.
bool append_last_group(std::string& out, std::uint32_t bits, unsigned characters,
                       unsigned padding) {
  if (characters == 0)
    return padding == 0;
  if (characters + padding != 4)
    return false;
  if (characters == 2) {
    out += byte_at(bits, 4);
    return (bits & 0xf) == 0;
  }
  if (characters == 3) {
    out += byte_at(bits, 10);
    out += byte_at(bits, 2);
    return (bits & 0x3) == 0;
  }
  return false;
}

} // namespace

std::string base64_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto group = bytes.substr(i, 3);
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (k < group.size() ? static_cast<unsigned char>(group[k]) : 0u);
    out += alphabet[bits >> 18 & 63];
    out += alphabet[bits >> 12 & 63];
    out += group.size() > 1 ? alphabet[bits >> 6 & 63] : '=';
    out += group.size() > 2 ? alphabet[bits & 63] : '=';
  }
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  // Written in place: the keys of a known_hosts file of thousands of lines come through here.
  std::string out(text.size() / 4 * 3, '\0');
  std::size_t size = 0;
  std::uint32_t bits = 0;
  unsigned characters = 0; // of the group being read
  unsigned padding = 0;
  for (char c : text) {
    const auto value = sextets[static_cast<unsigned char>(c)];
    if (value == no_sextet) {
      if (is_space(c))
        continue;
      if (c != '=' || ++padding > 2)
        return std::nullopt;
      continue;
    }
    if (padding != 0)
      return std::nullopt;
    bits = bits << 6 | value;
    if (++characters == 4) {
      out[size++] = byte_at(bits, 16);
      out[size++] = byte_at(bits, 8);
      out[size++] = byte_at(bits, 0);
      bits = 0;
      characters = 0;
    }
  }
  out.resize(size);
  if (!append_last_group(out, bits, characters, padding))
    return std::nullopt;
  return out;
}

} // namespace banger::core
