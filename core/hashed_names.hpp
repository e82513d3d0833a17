// The hashed names of a known_hosts file. Every one has a salt of its own, so a name must be hashed
// anew for each of them: this is what a lookup costs, and what is made fast here. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace banger::core::known_hosts {

/// True if `field`, "|1|salt|hash", is `name` hashed with its salt. Compares the text, as ssh does:
/// another spelling of the same base64 is no match.
[[nodiscard]] bool hashed_name_matches(std::string_view field, std::string_view name);

/// Many hashed names, compared with a name four at a time.
class hashed_names {
public:
  /// Adds a name field, which `find` will tell by `number`. One that no name can match is left out.
  void add(std::string_view field, std::size_t number);

  /// The numbers of the fields for which hashed_name_matches is true, in the order of `add`.
  [[nodiscard]] std::vector<std::size_t> find(std::string_view name) const;

private:
  static constexpr std::size_t lanes = 4; // what SSE2 and NEON hold, so every machine we run on

  /// A vector of the compiler's own kind. Arithmetic on it goes lane by lane.
  using words = std::uint32_t __attribute__((vector_size(lanes * sizeof(std::uint32_t))));
  using digests = std::array<words, 5>; // a salt has the size of a digest

  struct group {
    digests salts = {};
    digests hashes = {};
  };

  using block = std::array<words, 16>;

  static std::vector<block> blocks_of(std::string_view name);
  static digests keyed(const digests& salts, std::uint32_t pad);
  static digests hmac(const digests& salts, const std::vector<block>& name);

  std::vector<group> groups_;
  std::vector<std::size_t> numbers_; // of lane l in group g at [g * lanes + l]
};

} // namespace banger::core::known_hosts
