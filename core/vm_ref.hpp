// Finds what a user means by "box", "3f9c" or a whole id.
#pragma once

#include "protocol/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace banger::core {

struct named_id {
  std::string id;
  std::string name;
};

/// The id that `ref` stands for: a name, an id, or the start of exactly one id (four digits or
/// more). Errors: not_found, with the nearest name as hint; bad_request where several ids start so.
[[nodiscard]] result<std::string> resolve_ref(const std::vector<named_id>& all,
                                              std::string_view ref);

} // namespace banger::core
