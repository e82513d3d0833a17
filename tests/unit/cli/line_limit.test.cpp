#include "cli/options.hpp"
#include "cli/port_forward.hpp"

#include <doctest/doctest.h>

using namespace banger;
using namespace banger::cli;
using namespace std::chrono_literals;

TEST_CASE("line_limit: one a second, and a count of those between") {
  line_limit limit;
  const auto start = line_limit::clock::now();
  CHECK(limit.pass(start) == 0);
  CHECK_FALSE(limit.pass(start));
  CHECK_FALSE(limit.pass(start + 999ms));
  CHECK(limit.pass(start + 1s) == 2);
  CHECK(limit.pass(start + 5s) == 0);
}

TEST_CASE("cli: what a port-forward is asked for") {
  auto x = parse({"vm", "port-forward", "box", "8080", "0:80", "[::]:1:2"});
  REQUIRE_FALSE(x.is_final);
  CHECK(x.what.refs == std::vector<std::string>{"box"});
  CHECK_FALSE(x.what.forwards_found);
  REQUIRE(x.what.forwards.size() == 3);
  CHECK(x.what.forwards[1] == core::forward_spec{"", 0, 80});
  x = parse({"vm", "port-forward", "box", "--auto"});
  REQUIRE_FALSE(x.is_final);
  CHECK(x.what.forwards_found);
  CHECK(x.what.forwards.empty());
  for (const auto& line : {std::vector<std::string>{"vm", "port-forward"},
                           {"vm", "port-forward", "box"},
                           {"vm", "port-forward", "box", "http"},
                           {"vm", "port-forward", "box", "1", "--", "true"},
                           {"vm", "ports"},
                           {"vm", "ports", "box", "80"}}) {
    x = parse(line);
    CHECK(x.is_final);
    CHECK(x.status == 2);
  }
}
