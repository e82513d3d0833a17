#include "core/suggest.hpp"

#include <doctest/doctest.h>

using namespace banger::core;

TEST_CASE("suggest: the distance counts slips") {
  struct {
    const char *a, *b;
    std::size_t distance;
  } const cases[] = {{"", "", 0},       {"", "abc", 3},   {"abc", "abc", 0},
                     {"abc", "abd", 1}, {"abc", "ab", 1}, {"abc", "xabc", 1},
                     {"abc", "acb", 1}, {"ca", "abc", 3}, {"kitten", "sitting", 3}};
  for (const auto& x : cases) {
    CHECK(edit_distance(x.a, x.b) == x.distance);
    CHECK(edit_distance(x.b, x.a) == x.distance);
  }
}

TEST_CASE("suggest: the nearest word is meant, where it is near enough") {
  const std::vector<std::string> words{"start", "stop", "list", "delete", "exec"};
  struct {
    const char *typed, *meant;
  } const cases[] = {{"strat", "start"},   {"sotp", "stop"}, {"lst", "list"}, {"delet", "delete"},
                     {"dleete", "delete"}, {"exex", "exec"}, {"xyzzy", ""},   {"", ""},
                     {"frobnicate", ""}};
  for (const auto& x : cases)
    CHECK_MESSAGE(nearest(x.typed, words) == x.meant, x.typed);
}

TEST_CASE("suggest: without candidates nothing is meant") {
  CHECK(nearest("start", {}).empty());
}
