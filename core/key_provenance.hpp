// Where a pinned host key comes from, as the comment of its line in known_hosts. Pure.
#pragma once

#include "protocol/values.hpp"

#include <string_view>
#include <utility>

namespace banger::core {

/// Not to be changed: files hold them.
inline constexpr std::pair<key_provenance, std::string_view> provenance_comments[] = {
    {key_provenance::seeded, "banger:seeded"},
    {key_provenance::first_use, "banger:first-use"},
    {key_provenance::accepted, "banger:accepted"},
};

/// Empty for a key that is not ours.
[[nodiscard]] constexpr std::string_view comment_of(key_provenance x) {
  for (const auto& [provenance, text] : provenance_comments)
    if (provenance == x)
      return text;
  return {};
}

[[nodiscard]] constexpr key_provenance provenance_of(std::string_view comment) {
  for (const auto& [provenance, text] : provenance_comments)
    if (text == comment)
      return provenance;
  return key_provenance::other;
}

} // namespace banger::core
