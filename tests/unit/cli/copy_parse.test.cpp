#include "tests/unit/cli/typed_line.hpp"

using namespace banger;
using namespace banger::cli;
using namespace banger::test;
using strings = std::vector<std::string>;

namespace {

options read_copy(const strings& line) {
  auto x = read(line);
  CHECK(x.what == verb::vm_copy);
  return x;
}

} // namespace

TEST_CASE("cp: words become a plan") {
  auto x = read_copy({"vm", "cp", "a", "./b:c", "box:/root/"});
  CHECK(x.copy.sources.size() == 2);
  CHECK(x.copy.sources[1].path == "./b:c");
  CHECK(x.copy.destination.vm == "box");
  CHECK(x.copy.destination.path == "/root/");
  CHECK(!x.is_quiet);
  CHECK(read_copy({"vm", "cp", "-r", "-q", "a", "box:"}).is_quiet);
  CHECK(read_copy({"vm", "cp", "--recursive", "box:a", "b", "-o", "json"}).is_json);
  CHECK(read_copy({"vm", "cp", "a", "a", "box:"}).copy.sources.size() == 2);
}

TEST_CASE("cp: '-' is a stream, and what follows '--' are paths") {
  CHECK(read_copy({"vm", "cp", "-", "box:a"}).copy.sources[0].place == core::copy_place::stream);
  CHECK(read_copy({"vm", "cp", "box:a", "-"}).copy.destination.place == core::copy_place::stream);
  auto x = read_copy({"vm", "cp", "--", "-dash", "--quiet", "box:"});
  CHECK(x.copy.sources[0].path == "-dash");
  CHECK(x.copy.sources[1].path == "--quiet");
  CHECK(!x.is_quiet);
}

TEST_CASE("cp: what cannot be copied is refused with what would do") {
  CHECK(refused({"vm", "cp"}).find("a source and a destination are needed") != std::string::npos);
  CHECK(refused({"vm", "cp", "a", "b"}).find("hint: one of them is written VM:PATH") !=
        std::string::npos);
  const auto as_json = parse({"vm", "cp", "box:a", "-", "-o", "json"}); // told as JSON, too
  CHECK(as_json.is_final);
  CHECK(as_json.status == 2);
  CHECK(as_json.text.find("stdout") != std::string::npos);
  CHECK(refused({"vm", "cp", "-x", "box:"}).find("'-x'") != std::string::npos);
}
