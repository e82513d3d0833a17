#include "core/base64.hpp"

#include <cstddef>
#include <cstdint>

namespace banger::core {

namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/// The six bits a character stands for; nothing for one outside of the alphabet.
std::optional<std::uint32_t> sextet(char c) {
  if (c >= 'A' && c <= 'Z')
    return static_cast<std::uint32_t>(c - 'A');
  if (c >= 'a' && c <= 'z')
    return static_cast<std::uint32_t>(c - 'a' + 26);
  if (c >= '0' && c <= '9')
    return static_cast<std::uint32_t>(c - '0' + 52);
  if (c == '+')
    return 62;
  if (c == '/')
    return 63;
  return std::nullopt;
}

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
  std::string out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  unsigned characters = 0; // of the group being read
  unsigned padding = 0;
  for (char c : text) {
    if (is_space(c))
      continue;
    if (c == '=') {
      if (++padding > 2)
        return std::nullopt;
      continue;
    }
    const auto value = sextet(c);
    if (!value || padding != 0)
      return std::nullopt;
    bits = bits << 6 | *value;
    if (++characters == 4) {
      out += byte_at(bits, 16);
      out += byte_at(bits, 8);
      out += byte_at(bits, 0);
      bits = 0;
      characters = 0;
    }
  }
  if (!append_last_group(out, bits, characters, padding))
    return std::nullopt;
  return out;
}

} // namespace banger::core
