#include "core/hashed_names.hpp"

#include "core/base64.hpp"
#include "core/sha1.hpp"
#include "core/sha1_blocks.hpp"
#include "core/sha_blocks.hpp"

#include <optional>
#include <string>

namespace banger::core::known_hosts {

namespace {

constexpr std::size_t digest_size = 20; // of a salt and of a hash, in bytes

/// The two halves of a name field, as text; nothing where it is not a hashed name.
struct halves {
  std::string_view salt;
  std::string_view hash;
};

std::optional<halves> split(std::string_view field) {
  constexpr std::string_view magic = "|1|";
  if (!field.starts_with(magic))
    return std::nullopt;
  const auto end = field.find('|', magic.size());
  if (end == std::string_view::npos)
    return std::nullopt;
  return halves{field.substr(magic.size(), end - magic.size()), field.substr(end + 1)};
}

/// The bytes of a half if it is spelled as ssh spells them.
std::optional<std::string> digest_from(std::string_view half) {
  auto bytes = base64_decode(half);
  if (!bytes || bytes->size() != digest_size || base64_encode(*bytes) != half)
    return std::nullopt;
  return bytes;
}

std::uint32_t word_at(std::string_view bytes, std::size_t offset) {
  std::uint32_t out = 0;
  for (std::size_t i = 0; i < sizeof out; ++i)
    out = out << 8 | static_cast<unsigned char>(bytes[offset + i]);
  return out;
}

} // namespace

bool hashed_name_matches(std::string_view field, std::string_view name) {
  const auto parts = split(field);
  const auto salt = parts ? digest_from(parts->salt) : std::nullopt;
  return salt && parts->hash == base64_encode(hmac_sha1(*salt, name));
}

void hashed_names::add(std::string_view field, std::size_t number) {
  const auto parts = split(field);
  const auto salt = parts ? digest_from(parts->salt) : std::nullopt;
  const auto hash = parts ? digest_from(parts->hash) : std::nullopt;
  if (!salt || !hash)
    return;
  const auto lane = numbers_.size() % lanes;
  if (lane == 0)
    groups_.emplace_back();
  for (std::size_t i = 0; i < std::tuple_size_v<digests>; ++i) {
    groups_.back().salts[i][lane] = word_at(*salt, i * sizeof(std::uint32_t));
    groups_.back().hashes[i][lane] = word_at(*hash, i * sizeof(std::uint32_t));
  }
  numbers_.push_back(number);
}

/// `name` as the blocks that follow a first one, the padding of SHA-1 included; the same in every
/// lane.
std::vector<hashed_names::block> hashed_names::blocks_of(std::string_view name) {
  const auto text = sha_blocks::padded(std::string(sha_blocks::block_size, '\0').append(name));
  std::vector<block> out;
  for (auto at = sha_blocks::block_size; at < text.size(); at += sha_blocks::block_size) {
    const auto from = sha_blocks::words_of(text, at);
    auto& to = out.emplace_back();
    for (std::size_t i = 0; i < to.size(); ++i)
      to[i] = words{} + from[i];
  }
  return out;
}

/// SHA-1 after its first block, which is the key of an HMAC with `pad` over it.
hashed_names::digests hashed_names::keyed(const digests& salts, std::uint32_t pad) {
  block key;
  for (std::size_t i = 0; i < key.size(); ++i)
    key[i] = (i < salts.size() ? salts[i] : words{}) ^ pad;
  digests hash;
  for (std::size_t i = 0; i < hash.size(); ++i)
    hash[i] = words{} + sha1_blocks::initial[i];
  sha1_blocks::compress(hash, key);
  return hash;
}

/// HMAC-SHA1 of a name under each of the salts (RFC 2104).
hashed_names::digests hashed_names::hmac(const digests& salts, const std::vector<block>& name) {
  auto inner = keyed(salts, 0x36363636);
  for (const auto& each : name)
    sha1_blocks::compress(inner, each);
  block last = {};
  for (std::size_t i = 0; i < inner.size(); ++i)
    last[i] = inner[i];
  last[inner.size()] += 0x80000000; // the padding: a one bit, and the length in bits at the end
  last.back() += std::uint32_t{(sha_blocks::block_size + digest_size) * 8};
  auto outer = keyed(salts, 0x5c5c5c5c);
  sha1_blocks::compress(outer, last);
  return outer;
}

std::vector<std::size_t> hashed_names::find(std::string_view name) const {
  const auto blocks = blocks_of(name);
  std::vector<std::size_t> out;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const auto hashes = hmac(groups_[g].salts, blocks);
    words differences = {};
    for (std::size_t i = 0; i < hashes.size(); ++i)
      differences |= hashes[i] ^ groups_[g].hashes[i];
    for (std::size_t lane = 0; lane < lanes; ++lane)
      if (differences[lane] == 0 && g * lanes + lane < numbers_.size())
        out.push_back(numbers_[g * lanes + lane]);
  }
  return out;
}

} // namespace banger::core::known_hosts
