#include "core/recipe.hpp"

#include <doctest/doctest.h>

using namespace banger;
using namespace banger::core;

namespace {

/// What is wrong with a recipe.
std::string problem(std::string_view text) {
  auto parsed = parse_recipe(text, "box.toml");
  REQUIRE(!parsed);
  CHECK(parsed.error().code == ec::bad_request);
  CHECK(parsed.error().what == "read the recipe box.toml");
  return parsed.error().why;
}

} // namespace

TEST_CASE("recipe: an empty one is a small Debian with banger's init") {
  auto parsed = parse_recipe("", "box.toml");
  REQUIRE(parsed);
  CHECK(parsed->suite == "bookworm");
  CHECK(parsed->init == "banger");
  CHECK(parsed->mirror.empty());
  CHECK(parsed->root_mib == 8192);
  CHECK(parsed->packages.empty());
}

TEST_CASE("recipe: every key is taken") {
  auto parsed = parse_recipe(R"(
suite = "trixie"
mirror = "http://mirror.example/debian"
init = "systemd"
root_size = "12G"
packages = ["git", "gcc"]
run = ["echo 'one' > /one", "true"]
[[files]]
path = "/etc/motd"
content = "hello\n"
[[files]]
path = "/usr/local/bin/tool"
mode = 0o755
content = "#!/bin/sh\n"
)",
                             "box.toml");
  REQUIRE(parsed);
  CHECK(parsed->suite == "trixie");
  CHECK(parsed->mirror == "http://mirror.example/debian");
  CHECK(parsed->init == "systemd");
  CHECK(parsed->root_mib == 12 * 1024);
  CHECK(parsed->packages == std::vector<std::string>{"git", "gcc"});
  CHECK(parsed->run == std::vector<std::string>{"echo 'one' > /one", "true"});
  REQUIRE(parsed->files.size() == 2);
  CHECK(parsed->files[0].path == "/etc/motd");
  CHECK(parsed->files[0].content == "hello\n");
  CHECK(parsed->files[0].mode == 0644);
  CHECK(parsed->files[1].mode == 0755);
}

TEST_CASE("recipe: an unknown key is named, with the one that may be meant") {
  CHECK(problem("package = []") == "unknown key 'package', did you mean 'packages'?");
  CHECK(problem("colour = 1") == "unknown key 'colour'");
  CHECK(problem("packges = []") == "unknown key 'packges', did you mean 'packages'?");
}

TEST_CASE("recipe: a value of another type is refused, not ignored") {
  CHECK(problem("suite = 12") == "suite must be a string");
  CHECK(problem("suite = ''") == "suite must not be empty");
  CHECK(problem("mirror = []") == "mirror must be a string");
  CHECK(problem("packages = 'git'") == "packages must be a list of strings");
  CHECK(problem("packages = ['git', 5]") == "packages must be a list of strings");
  CHECK(problem("run = ['true', ['x']]") == "run must be a list of strings");
  CHECK(problem("files = 'x'") == "files must be a list of tables");
  CHECK(problem("files = [1]") == "files must be a list of tables");
  CHECK(problem("root_size = 8") == "root_size must be a string");
  CHECK(problem("init = 'runit'") == "init must be \"banger\" or \"systemd\"");
}

TEST_CASE("recipe: the keys of a file and their types are checked, and a mode must be octal") {
  for (const char* line : {"contents = 'typo'", "content = 5", "mode = 755", "mode = '0755'",
                           "mode = 0o17777", "mode = -1", "mode = true"}) {
    CAPTURE(line);
    CHECK(problem("[[files]]\npath = '/a'\n" + std::string{line}).starts_with("files: '"));
  }
}

TEST_CASE("recipe: a file's path is absolute and does not climb") {
  for (const char* path : {"etc/motd", "/etc/../root/x", "/../x", ""}) {
    CAPTURE(path);
    CHECK(problem("[[files]]\ncontent = ''\npath = '" + std::string{path} + "'") ==
          "each of files needs an absolute path");
  }
  CHECK(problem("[[files]]\ncontent = 'x'") == "each of files needs an absolute path");
}

TEST_CASE("recipe: too small a root disk and a size that is none are refused") {
  CHECK(problem("root_size = '512M'") == "root_size must be 1G or more");
  CHECK(problem("root_size = 'much'").find("root_size") != std::string::npos);
}

TEST_CASE("recipe: text that is no TOML is refused, by its line") {
  CHECK(problem("suite = \"bookworm\"\nrun = [\n").starts_with("line "));
  CHECK(problem("a = 1\nb = = 2\n").starts_with("line 2:"));
  CHECK(problem("\xff\xfe").starts_with("line "));
}
