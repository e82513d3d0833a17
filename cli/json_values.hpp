// How values are written as JSON, for those who render it.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace banger::cli {

using record = nlohmann::ordered_json;

/// Null for nothing.
[[nodiscard]] inline record text(const std::string& x) {
  return x.empty() ? record(nullptr) : record(x);
}

template <class T>
[[nodiscard]] record number(T x) {
  return x == 0 ? record(nullptr) : record(x);
}

/// Text that is not UTF-8 (a guest may have named a file so) must not end the program.
[[nodiscard]] inline std::string to_text(const record& x, int indent = 2) {
  return x.dump(indent, ' ', false, record::error_handler_t::replace) + "\n";
}

} // namespace banger::cli
