#include "core/copy_ref.hpp"

#include <doctest/doctest.h>

using banger::ec;
using namespace banger::core;

namespace {

copy_ref guest(std::string vm, std::string path) {
  return {copy_place::guest, std::move(vm), std::move(path)};
}

copy_ref local(std::string path) {
  return {copy_place::local, {}, std::move(path)};
}

std::string why_not(const std::vector<std::string>& words) {
  auto plan = plan_copy(words);
  REQUIRE(!plan);
  CHECK(plan.error().code == ec::bad_request);
  CHECK(!plan.error().hint.empty());
  return plan.error().why;
}

} // namespace

TEST_CASE("copy ref: VM:PATH is in a guest, a '/' before the colon keeps a path here") {
  CHECK(parse_copy_ref("box:/etc/hosts") == guest("box", "/etc/hosts"));
  CHECK(parse_copy_ref("box:notes.txt") == guest("box", "notes.txt"));
  CHECK(parse_copy_ref("box:a:b") == guest("box", "a:b"));
  CHECK(parse_copy_ref("box:") == guest("box", "."));
  CHECK(parse_copy_ref("box:-") == guest("box", "-"));
  CHECK(parse_copy_ref("notes.txt") == local("notes.txt"));
  CHECK(parse_copy_ref("./a:b") == local("./a:b"));
  CHECK(parse_copy_ref("/a:b") == local("/a:b"));
  CHECK(parse_copy_ref("a/b:c") == local("a/b:c"));
  CHECK(parse_copy_ref(":b") == local(":b"));
  CHECK(parse_copy_ref("\xff\n") == local("\xff\n"));
}

TEST_CASE("copy ref: '-' alone is a standard stream") {
  CHECK(parse_copy_ref("-").place == copy_place::stream);
  CHECK(parse_copy_ref("./-") == local("./-"));
  CHECK(parse_copy_ref("--") == local("--"));
}

TEST_CASE("copy ref: is written as it was read") {
  for (const char* word : {"-", "box:/a b", "a", "./a:b", "box:."})
    CHECK(to_string(parse_copy_ref(word)) == word);
}

TEST_CASE("copy plan: the last word is the destination") {
  auto plan = plan_copy({"a", "b", "box:/c/"});
  REQUIRE(plan);
  CHECK(plan->sources == std::vector{local("a"), local("b")});
  CHECK(plan->destination == guest("box", "/c/"));
  CHECK(plan_copy({"box:a", "box:b", "."}));
  CHECK(plan_copy({"box:a", "web:b"}));
  CHECK(plan_copy({"box:a", "box:b"}));
  CHECK(plan_copy({"-", "box:a"}));
  CHECK(plan_copy({"box:a", "-"}));
}

TEST_CASE("copy plan: what cannot be is refused, with what would do") {
  CHECK(why_not({}) == "a source and a destination are needed");
  CHECK(why_not({"box:a"}) == "a source and a destination are needed");
  CHECK(why_not({"", "box:a"}) == "a path is empty");
  CHECK(why_not({"a", "b"}) == "neither the source nor the destination is in a VM");
  CHECK(why_not({"-", "-"}) == "neither the source nor the destination is in a VM");
  CHECK(why_not({"-", "a"}) == "neither the source nor the destination is in a VM");
  CHECK(why_not({"a", "box:b", "web:"}) == "the sources are in several places");
  CHECK(why_not({"box:a", "web:b", "."}) == "the sources are in several places");
  CHECK(why_not({"-", "a", "box:"}) == "'-' is a source beside others");
  CHECK(why_not({"a", "-", "box:"}) == "'-' is a source beside others");
  CHECK(why_not({"box:a", "box:b", "-"}) == "only one file can go to standard output");
  CHECK(why_not({"-", "box:"}) == "standard input has no name");
  CHECK(why_not({"-", "box:/root/"}) == "standard input has no name");
}
