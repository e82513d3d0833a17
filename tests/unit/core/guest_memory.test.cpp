#include "core/guest_memory.hpp"

#include <doctest/doctest.h>

using namespace banger::core;

TEST_CASE("guest memory: what is not available is used") {
  const auto x = parse_guest_memory("memory 480000 380000");
  REQUIRE(x);
  CHECK(x->total_bytes == 480'000ULL << 10);
  CHECK(x->used_bytes == 100'000ULL << 10);
}

TEST_CASE("guest memory: another line, and one that cannot be, is nothing") {
  for (const char* line :
       {"", "memory", "memory ", "memory 1", "memory 1 2", "memory 2 x", "memory 2 1 0",
        "memory -2 1", "memory 2  1", "memory 2 -1", "memory 99999999999999999999 1",
        "memory 2199023255552 1", "ok", "error unknown request", "READY 1 2.5"})
    CHECK_MESSAGE(!parse_guest_memory(line), line);
}
