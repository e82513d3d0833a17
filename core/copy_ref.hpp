// What a user means by the words of "vm cp": "box:/etc/hosts", "notes.txt", "-". Pure.
#pragma once

#include "protocol/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace banger::core {

enum class copy_place : std::uint8_t { local, guest, stream };

struct copy_ref {
  copy_place place = copy_place::local;
  std::string vm;   ///< of a guest
  std::string path; ///< as it was written; of a guest never empty: "." is its home
  friend bool operator==(const copy_ref&, const copy_ref&) = default;
};

/// "-" is standard input or output. "VM:PATH" is in a guest; a word with a '/' before its first ':'
/// never is, so "./a:b" is a file here. PATH is relative to the guest's home where it has no '/'
/// first.
[[nodiscard]] copy_ref parse_copy_ref(std::string_view word);

/// As a user would write it.
[[nodiscard]] std::string to_string(const copy_ref& x);

struct copy_plan {
  std::vector<copy_ref> sources; ///< all in one place
  copy_ref destination;          ///< in another one; one of the two is a guest
};

/// @param words  the sources, then the destination. Errors: bad_request, with what would do.
[[nodiscard]] result<copy_plan> plan_copy(const std::vector<std::string>& words);

} // namespace banger::core
