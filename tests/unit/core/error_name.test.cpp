#include "core/error_name.hpp"

#include <doctest/doctest.h>

#include <set>

using banger::ec;
using banger::core::error_code;

namespace {

constexpr auto last = static_cast<unsigned>(ec::image_failed);

} // namespace

TEST_CASE("error name: every code is found by its name, and no two share one") {
  std::set<std::string> names;
  for (unsigned i = 0; i <= last; ++i) {
    const auto code = static_cast<ec>(i);
    CHECK(error_code(to_string(code)) == code);
    names.insert(to_string(code));
  }
  CHECK(names.size() == last + 1);
}

TEST_CASE("error name: the list above ends with the last code") {
  CHECK(to_string(static_cast<ec>(last + 1)).starts_with("ec("));
}

TEST_CASE("error name: a name from the future is a plain failure") {
  for (const char* name : {"", "no_such_code", "NOT_FOUND", "ec(99)"})
    CHECK(error_code(name) == ec::failed);
}
