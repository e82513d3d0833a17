#include "core/vm_name.hpp"

#include <doctest/doctest.h>

#include <set>

namespace core = banger::core;
using banger::ec;

namespace {

banger::failure refused(const std::string& name) {
  auto ok = core::check_vm_name(name);
  REQUIRE_MESSAGE(!ok, name);
  CHECK(ok.error().code == ec::bad_request);
  CHECK(ok.error().what == "the name '" + name + "' is not valid");
  return ok.error();
}

} // namespace

TEST_CASE("vm_name: what is a label in DNS is a name") {
  for (const auto& name : {std::string{"a"}, std::string{"7"}, std::string{"box-2"},
                           std::string{"a--b"}, std::string(63, 'x')})
    CHECK_MESSAGE(core::check_vm_name(name), name);
}

TEST_CASE("vm_name: a refusal says which rule is broken") {
  CHECK(refused("").why == "it is empty");
  CHECK(refused(std::string(64, 'x')).why == "it has 64 characters, 63 is the most");
  for (const auto* name : {"-box", "box-", "-"})
    CHECK(refused(name).why == "it must start and end with a letter or a digit");
  for (const auto* name : {"a.b", "a_b", "a b", "a/b", "b\xc3\xb6x", "a\n"})
    CHECK(refused(name).why == "only a-z, 0-9 and '-' may be in it");
  CHECK_FALSE(core::check_vm_name(std::string_view{"a\0b", 3}));
}

TEST_CASE("vm_name: capitals get the lower case as a hint, where that is a name") {
  CHECK(refused("MyBox").hint == "try 'mybox'");
  CHECK(refused("-MyBox").hint.empty());
  CHECK(refused("My Box").hint.empty());
}

TEST_CASE("vm_name: names of images may have dots and underscores, but not at the ends") {
  CHECK(core::check_image_name("debian-12.7_base"));
  for (const auto* name : {".hidden", "..", "a/b", "a_", ""})
    CHECK_FALSE(core::check_image_name(name));
  CHECK(core::check_image_name("A").error().hint == "try 'a'");
}

TEST_CASE("vm_name: random names are names, many, and decided by the entropy") {
  std::set<std::string> seen;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    auto name = core::random_vm_name(i * 0x9e3779b97f4a7c15);
    CHECK(core::check_vm_name(name));
    seen.insert(name);
  }
  CHECK(seen.size() > 4500);
  CHECK(core::random_vm_name(42) == core::random_vm_name(42));
  CHECK(core::check_vm_name(core::random_vm_name(UINT64_MAX)));
}
