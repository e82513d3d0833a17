// What a line that was typed is understood as.
#pragma once

#include "cli/options.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace banger::test {

/// What a line asks for; it must be understood.
inline cli::options read(const std::vector<std::string>& line) {
  const auto x = cli::parse(line);
  REQUIRE_MESSAGE(!x.is_final, x.text);
  return x.what;
}

/// What is printed for a line that is not understood: one line of error, and a hint.
inline std::string refused(const std::vector<std::string>& line) {
  const auto x = cli::parse(line);
  CHECK(x.is_final);
  CHECK(x.is_error);
  CHECK(x.status == 2);
  CHECK(x.text.starts_with("banger: "));
  CHECK(x.text.ends_with("\n"));
  CHECK(x.text.find("\nhint: ") != std::string::npos);
  return x.text;
}

} // namespace banger::test
