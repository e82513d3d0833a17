// How answers become JSON: for json.cpp and session_render.cpp.
#pragma once

#include "protocol/errors.hpp"

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

[[nodiscard]] inline record error_record(const failure& why) {
  return {{"code", to_string(why.code)},
          {"what", text(why.what)},
          {"why", text(why.why)},
          {"hint", text(why.hint)},
          {"op", text(why.op)}};
}

/// Text that is not UTF-8 (a guest may have named a file so) must not end the program.
[[nodiscard]] inline std::string print(const record& x, int indent = 2) {
  return x.dump(indent, ' ', false, record::error_handler_t::replace) + "\n";
}

} // namespace banger::cli
