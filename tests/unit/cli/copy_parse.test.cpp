#include "cli/options.hpp"

#include <doctest/doctest.h>

using namespace banger;
using namespace banger::cli;
using strings = std::vector<std::string>;

namespace {

options read(const strings& line) {
  const auto x = parse(line);
  REQUIRE_MESSAGE(!x.is_final, x.text);
  CHECK(x.what.what == verb::vm_copy);
  return x.what;
}

std::string refused(const strings& line) {
  const auto x = parse(line);
  CHECK(x.is_final);
  CHECK(x.status == 2);
  return x.text;
}

} // namespace

TEST_CASE("cp: words become a plan") {
  auto x = read({"vm", "cp", "a", "./b:c", "box:/root/"});
  CHECK(x.copy.sources.size() == 2);
  CHECK(x.copy.sources[1].path == "./b:c");
  CHECK(x.copy.destination.vm == "box");
  CHECK(x.copy.destination.path == "/root/");
  CHECK(!x.is_quiet);
  CHECK(read({"vm", "cp", "-r", "-q", "a", "box:"}).is_quiet);
  CHECK(read({"vm", "cp", "--recursive", "box:a", "b", "-o", "json"}).is_json);
  CHECK(read({"vm", "cp", "a", "a", "box:"}).copy.sources.size() == 2);
}

TEST_CASE("cp: '-' is a stream, and what follows '--' are paths") {
  CHECK(read({"vm", "cp", "-", "box:a"}).copy.sources[0].place == core::copy_place::stream);
  CHECK(read({"vm", "cp", "box:a", "-"}).copy.destination.place == core::copy_place::stream);
  auto x = read({"vm", "cp", "--", "-dash", "--quiet", "box:"});
  CHECK(x.copy.sources[0].path == "-dash");
  CHECK(x.copy.sources[1].path == "--quiet");
  CHECK(!x.is_quiet);
}

TEST_CASE("cp: what cannot be copied is refused with what would do") {
  CHECK(refused({"vm", "cp"}).find("a source and a destination are needed") != std::string::npos);
  CHECK(refused({"vm", "cp", "a", "b"}).find("hint: one of them is written VM:PATH") !=
        std::string::npos);
  CHECK(refused({"vm", "cp", "box:a", "-", "-o", "json"}).find("stdout") != std::string::npos);
  CHECK(refused({"vm", "cp", "-x", "box:"}).find("'-x'") != std::string::npos);
}
