#include "core/unpaid_output.hpp"

#include <doctest/doctest.h>

using banger::core::unpaid_output;
using pieces = std::vector<unpaid_output::piece>;

TEST_CASE("unpaid output: is paid for in the order in which it came, whose ever it is") {
  unpaid_output x;
  CHECK(x.pay(5).empty());
  x.add({1, 10});
  x.add({2, 4});
  x.add({1, 3});
  CHECK(x.total() == 17);
  CHECK(x.pay(6) == pieces{{1, 6}});
  CHECK(x.pay(7) == pieces{{1, 4}, {2, 3}});
  CHECK(x.total() == 4);
  CHECK(x.pay(100) == pieces{{2, 1}, {1, 3}});
  CHECK(x.total() == 0);
}

TEST_CASE("unpaid output: a credit of nothing pays nothing, and what is forgotten is not owed") {
  unpaid_output x;
  x.add({1, 10});
  CHECK(x.pay(0).empty());
  x.clear();
  CHECK(x.total() == 0);
  CHECK(x.pay(10).empty());
}
