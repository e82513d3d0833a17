#include "core/last_line.hpp"

#include <doctest/doctest.h>

using banger::core::last_line;

TEST_CASE("last_line: the last one that says something") {
  CHECK(last_line("first\nsecond\n") == "second");
  CHECK(last_line("first\r\nsecond\r\n\r\n") == "second");
  CHECK(last_line("only") == "only");
  CHECK(last_line("first\n  indented \n \n") == "  indented");
  CHECK(last_line(" \n\n").empty());
  CHECK(last_line("").empty());
}
