#include "core/host_key.hpp"

#include "core/base64.hpp"
#include "core/sha256.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>

namespace banger::core {

namespace {

constexpr std::size_t ed25519_key_size = 32;
constexpr std::size_t rsa_minimum_bits = 1024; // SSH_RSA_MINIMUM_MODULUS_SIZE
constexpr std::size_t mpint_maximum_size = 16384 / 8;

/// Reads the fields of a key's wire form one after the other.
class blob_reader {
public:
  explicit blob_reader(std::string_view blob) : rest_(blob) {}

  /// The next length-prefixed string; nothing where the blob ends early.
  std::optional<std::string_view> string() {
    if (rest_.size() < 4)
      return std::nullopt;
    std::uint32_t size = 0;
    for (char c : rest_.substr(0, 4))
      size = size << 8 | static_cast<unsigned char>(c);
    rest_.remove_prefix(4);
    if (size > rest_.size())
      return std::nullopt;
    const auto out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }

  /// The size in bits of the next number; nothing where there is none, or where it is negative or
  /// too large.
  std::optional<std::size_t> number_bits() {
    auto digits = string();
    if (!digits || (!digits->empty() && static_cast<unsigned char>(digits->front()) >= 0x80))
      return std::nullopt;
    while (!digits->empty() && digits->front() == '\0')
      digits->remove_prefix(1);
    if (digits->size() > mpint_maximum_size)
      return std::nullopt;
    if (digits->empty())
      return 0;
    const auto first = static_cast<unsigned char>(digits->front());
    return (digits->size() - 1) * 8 + static_cast<std::size_t>(std::bit_width(first));
  }

  /// True if the next string has exactly this many bytes.
  bool string_of(std::size_t size) {
    const auto text = string();
    return text && text->size() == size;
  }

  /// True if the curve's name and an uncompressed point of it come next.
  bool curve_point(std::string_view curve, std::size_t coordinate_size) {
    const auto name = string();
    if (!name || *name != curve)
      return false;
    const auto point = string();
    return point && point->size() == 1 + 2 * coordinate_size && point->front() == '\x04';
  }

  bool at_end() const { return rest_.empty(); }

private:
  std::string_view rest_;
};

/// True if the fields of a key of this type come next.
bool has_key_fields(std::string_view type, blob_reader& in) {
  if (type == "ssh-ed25519")
    return in.string_of(ed25519_key_size);
  if (type == "ecdsa-sha2-nistp256")
    return in.curve_point("nistp256", 32);
  if (type == "ecdsa-sha2-nistp384")
    return in.curve_point("nistp384", 48);
  if (type == "ecdsa-sha2-nistp521")
    return in.curve_point("nistp521", 66);
  if (type == "ssh-rsa") {
    const auto exponent = in.number_bits();
    const auto modulus = in.number_bits();
    return exponent && modulus && *modulus >= rsa_minimum_bits;
  }
  if (type == "ssh-dss")
    return in.number_bits() && in.number_bits() && in.number_bits() && in.number_bits();
  if (type == "sk-ssh-ed25519@openssh.com")
    return in.string_of(ed25519_key_size) && in.string();
  if (type == "sk-ecdsa-sha2-nistp256@openssh.com")
    return in.curve_point("nistp256", 32) && in.string();
  return false;
}

} // namespace

bool is_well_formed(const host_key& key) {
  blob_reader in(key.blob);
  const auto type = in.string();
  return type && *type == key.type && has_key_fields(key.type, in) && in.at_end();
}

std::optional<host_key> parse_public_key(std::string_view text) {
  auto space = text.find(' ');
  if (space == std::string_view::npos)
    return std::nullopt;
  auto rest = text.substr(space + 1);
  auto blob = base64_decode(rest.substr(0, rest.find(' ')));
  if (!blob)
    return std::nullopt;
  return host_key{std::string{text.substr(0, space)}, *blob};
}

std::string fingerprint_sha256(std::string_view blob) {
  auto text = base64_encode(sha256(blob));
  text.erase(text.find_last_not_of('=') + 1);
  return "SHA256:" + text;
}

std::vector<std::string> signature_algorithms(std::string_view key_type) {
  if (key_type == "ssh-rsa")
    return {"rsa-sha2-512", "rsa-sha2-256"};
  if (key_type == "ssh-dss")
    return {};
  return {std::string(key_type)};
}

} // namespace banger::core
