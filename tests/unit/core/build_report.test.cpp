#include "core/build_report.hpp"

#include <doctest/doctest.h>

using namespace banger;
using namespace banger::core;

TEST_CASE("build report: a stage has a name and perhaps a detail") {
  auto x = parse_build_report(R"({"stage": "packing", "detail": "root"})");
  REQUIRE(std::holds_alternative<build_stage>(x));
  CHECK(std::get<build_stage>(x).stage == "packing");
  CHECK(std::get<build_stage>(x).detail == "root");
  x = parse_build_report(R"({"stage": "packing"})");
  REQUIRE(std::holds_alternative<build_stage>(x));
  CHECK(std::get<build_stage>(x).detail.empty());
}

TEST_CASE("build report: the end is told as such") {
  CHECK(std::holds_alternative<build_done>(parse_build_report(R"({"done": {"name": "a"}})")));
}

TEST_CASE("build report: an error comes back whole") {
  auto x = parse_build_report(
      R"({"error": {"code": "no_space", "what": "w", "why": "y", "hint": "h"}})");
  REQUIRE(std::holds_alternative<failure>(x));
  CHECK(std::get<failure>(x) == failure{ec::no_space, "w", "y", "h"});
}

TEST_CASE("build report: an error of an unknown kind is still an error") {
  auto x = parse_build_report(R"({"error": {"code": "cosmic_ray", "what": 5}})");
  REQUIRE(std::holds_alternative<failure>(x));
  CHECK(std::get<failure>(x) == failure{ec::failed, "", "", ""});
}

TEST_CASE("build report: all else is noise, and nothing throws") {
  for (std::string line : {"", "W: some warning", "[]", "7", "null", "{", "{}", R"({"error": "x"})",
                           "\xff\xfe", R"({"stage": "\ud800"})", R"({"other": 1})"})
    CHECK_MESSAGE(std::holds_alternative<build_noise>(parse_build_report(line)), line);
  CHECK(std::holds_alternative<build_noise>(parse_build_report(std::string(100'000, '['))));
}
