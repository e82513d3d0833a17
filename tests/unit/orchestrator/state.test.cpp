#include "examples/orchestrator/state_file.hpp"
#include "examples/orchestrator/state_text.hpp"

#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>

using namespace orchestrator;

namespace {

const fleet sample{.token = 7,
                   .ttl_ms = 30'000,
                   .boot_id = "b\"o\\o\nt",
                   .hosts = {{"tls://a:7443", {1, -2, 3}}, {"b", {}}},
                   .places = {{"web-1", "b"}, {"web-2", "tls://a:7443"}}};

struct folder {
  std::string path = "/tmp/orchestrator-XXXXXX";
  folder() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
  ~folder() { std::filesystem::remove_all(path); }
};

void write(const std::string& path, const std::string& text) {
  std::ofstream{path} << text;
}

} // namespace

TEST_CASE("orchestrator state: what is written is read") {
  CHECK(from_text(to_text(sample)) == sample);
  const fleet least{.token = 1};
  CHECK(from_text(to_text(least)) == least);
}

TEST_CASE("orchestrator state: anything else is refused") {
  const auto good = to_text(sample);
  for (std::size_t i = 0; i + 2 < good.size(); ++i)
    CHECK_MESSAGE(!from_text(good.substr(0, i)), i);
  CHECK_FALSE(from_text(good + "x"));
  for (const auto* text :
       {"", "[]", "null", "{}", R"({"version":2,"token":1})", R"({"version":1,"token":0})",
        R"({"version":1,"token":1,"token":2})", R"({"version":1,"token":-1})",
        R"({"version":1,"token":1,"more":1})", R"({"version":1,"token":99999999999999999999})",
        R"({"version":1,"token":1,"boot_id":"\x"})", R"({"version":1,"token":1,"boot_id":"\u00"})",
        R"({"version":1,"token":1,"places":{"a":1}})",
        R"({"version":1,"token":1,"hosts":{"a":{}})"})
    CHECK_MESSAGE(!from_text(text), text);
}

TEST_CASE("orchestrator state: a line for each change") {
  CHECK(to_line({"vm.failed", "web-1", "a", "no \"x\""}, 5) ==
        R"({"at_ms":5,"what":"vm.failed","name":"web-1","host":"a","why":"no \"x\""})"
        "\n");
  CHECK(to_line({"host.up", "", "a"}, 5) ==
        "{\"at_ms\":5,\"what\":\"host.up\",\"name\":\"\",\"host\":\"a\"}\n");
}

TEST_CASE("orchestrator state: kept in a file or a folder, by one at a time") {
  const folder at;
  {
    state_file x{at.path};
    CHECK(x.error() == "");
    CHECK(x.found().token == 0);
    CHECK(x.save(sample));
    const state_file other{at.path + "/state.json"};
    CHECK(other.error().find("in use by another orchestrator") != std::string::npos);
  }
  const state_file again{at.path};
  CHECK(again.error() == "");
  CHECK(again.found() == sample);
}

TEST_CASE("orchestrator state: what is damaged is not written over") {
  const folder at;
  write(at.path + "/state.json", "{\"version\":1,");
  const state_file x{at.path};
  CHECK(x.error().find("is not a state of this program") != std::string::npos);
  CHECK(x.found().token == 0);
}

TEST_CASE("orchestrator state: where it can't be written, that is said") {
  const folder at;
  state_file x{at.path + "/x"};
  std::filesystem::create_directory(at.path + "/x.tmp");
  CHECK_FALSE(x.save(sample));
  CHECK(x.error().find("write " + at.path + "/x.tmp") == 0);
  CHECK(state_file{at.path + "/no/such"}.error().find("No such file") != std::string::npos);
}
