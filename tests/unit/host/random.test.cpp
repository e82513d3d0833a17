#include "host/random.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace banger::host;

TEST_CASE("random: as many bytes as asked for, each time others") {
  for (std::size_t n : {0U, 1U, 16U, 256U})
    CHECK(random_bytes(n).size() == n);
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i)
    seen.insert(random_bytes(16));
  CHECK(seen.size() == 100);
  CHECK(random_u64() != random_u64());
}

TEST_CASE("random: hex digits are lower case, two a byte") {
  const auto text = random_hex(32);
  CHECK(text.size() == 64);
  CHECK(text.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(random_hex(0).empty());
}

TEST_CASE("random: every byte value comes up") {
  std::set<char> seen;
  for (int i = 0; i < 100; ++i)
    for (char c : random_bytes(256))
      seen.insert(c);
  CHECK(seen.size() == 256);
}
