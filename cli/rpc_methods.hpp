// What banger rpc can be asked and what it tells: one table, which checks params and is the schema.
#pragma once

#include "cli/rpc_schema.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace banger::cli::rpc {

struct method {
  std::string name;
  std::string about;
  shape params;
  const shape* result = nullptr;
};

/// Something that is told without a question.
struct telling {
  std::string name;
  std::string about;
  shape params;
};

[[nodiscard]] const std::vector<method>& methods();
[[nodiscard]] const std::vector<telling>& tellings();

/// Nothing where there is none of that name.
[[nodiscard]] const method* find_method(std::string_view name);

/// The name that may have been meant; else empty.
[[nodiscard]] std::string nearest_method(std::string_view name);

/// JSON Schema 2020-12 of every line, either way; "methods" and "notifications" name its parts.
[[nodiscard]] record schema_document();

} // namespace banger::cli::rpc
