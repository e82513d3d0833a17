#include "core/guest_address.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace banger::core;

TEST_CASE("guest address: the edges are where the manual says") {
  CHECK(guest_address(0) == "127.77.0.2");
  CHECK(guest_address(252) == "127.77.0.254");
  CHECK(guest_address(253) == "127.77.1.2");
  CHECK(guest_address(guest_address_count - 1) == "127.77.255.254");
}

TEST_CASE("guest address: every index comes back, and no two share an address") {
  std::set<std::string> seen;
  std::uint32_t wrong = 0;
  for (std::uint32_t i = 0; i < guest_address_count; ++i) {
    auto address = guest_address(i);
    wrong += guest_address_index(address) != i;
    seen.insert(std::move(address));
  }
  CHECK(wrong == 0);
  CHECK(seen.size() == guest_address_count);
}

TEST_CASE("guest address: others' addresses and junk have no index") {
  for (const char* text :
       {"", "127.77.", "127.77.0", "127.77.0.", "127.77.0.0", "127.77.0.1", "127.77.0.255",
        "127.77.256.2", "127.77.0.2 ", " 127.77.0.2", "127.77.0.2.3", "127.77.-1.2", "127.77.0.+2",
        "127.77..2", "127.78.0.2", "127.0.0.1", "10.0.2.15", "127.77.4294967296.2", "127.77.0.x"})
    CHECK_MESSAGE(!guest_address_index(text), text);
}

TEST_CASE("guest address: another spelling of an address of ours is not one") {
  for (const char* text : {"127.77.00.2", "127.77.0.02", "127.77.000.002"})
    CHECK_MESSAGE(!guest_address_index(text), text);
}
