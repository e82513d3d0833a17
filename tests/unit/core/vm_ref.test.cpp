#include "core/vm_ref.hpp"

#include <doctest/doctest.h>

using banger::ec;
using namespace banger::core;

namespace {

const std::vector<named_id> all{{"abcd00000001", "box"},
                                {"abcd00000002", "web"},
                                {"ffff00000003", "abcd"},
                                {"123400000004", "ffff0000"}};

} // namespace

TEST_CASE("vm ref: a name, a whole id, or the start of one id") {
  CHECK(resolve_ref(all, "box") == "abcd00000001");
  CHECK(resolve_ref(all, "abcd00000002") == "abcd00000002");
  CHECK(resolve_ref(all, "1234") == "123400000004");
  CHECK(resolve_ref(all, "ffff000") == "ffff00000003");
}

TEST_CASE("vm ref: a name comes before the start of an id") {
  CHECK(resolve_ref(all, "abcd") == "ffff00000003");
  CHECK(resolve_ref(all, "ffff0000") == "123400000004");
}

TEST_CASE("vm ref: less than four digits are no id") {
  for (const char* ref : {"", "1", "12", "123"})
    CHECK(resolve_ref(all, ref).error().code == ec::not_found);
}

TEST_CASE("vm ref: the start of several ids is refused, and says which") {
  const auto found = resolve_ref(all, "abcd0");
  REQUIRE_FALSE(found);
  CHECK(found.error().code == ec::bad_request);
  CHECK(found.error().why.find("box") != std::string::npos);
  CHECK(found.error().why.find("web") != std::string::npos);
  CHECK(found.error().why.find("123400000004") == std::string::npos);
}

TEST_CASE("vm ref: an unknown one is not found, and there is something to do next") {
  for (const char* ref : {"nobody", "BOX", "abcd000000010", " box"}) {
    const auto found = resolve_ref(all, ref);
    REQUIRE_FALSE(found);
    CHECK(found.error().code == ec::not_found);
    CHECK_FALSE(found.error().hint.empty());
  }
  CHECK(resolve_ref({}, "box").error().code == ec::not_found);
}

TEST_CASE("vm ref: a slip is answered with the nearest name") {
  CHECK(resolve_ref(all, "bxo").error().hint.find("box") != std::string::npos);
}
