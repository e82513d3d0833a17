#include "core/shell_quote.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <memory>

using namespace banger::core;

namespace {

/// What sh(1) makes of it.
std::string output_of(const std::string& command) {
  std::string out;
  std::unique_ptr<FILE, int (*)(FILE*)> in{::popen(command.c_str(), "r"), ::pclose};
  REQUIRE(in);
  char buffer[4096];
  while (auto n = std::fread(buffer, 1, sizeof buffer, in.get()))
    out.append(buffer, n);
  return out;
}

} // namespace

TEST_CASE("shell quote: every word comes through a real shell as it was") {
  for (std::string word :
       {"",         " ",    "a b",     "'", "''", "it's", "\"", "$HOME",         "`id`", "$(id)",
        "\\",       "\\'",  "a\nb\n",  "*", "~",  "#x",   "-n", ";|&<>(){}[]!?", "\t",   "\xc3\xa4",
        "\xff\xfe", "%s%d", "a'b\"c'd"})
    CHECK(output_of("printf %s " + shell_quote(word)) == word);
}

TEST_CASE("shell quote: every byte but NUL comes through") {
  std::string all;
  for (int i = 1; i < 256; ++i)
    all += static_cast<char>(i);
  CHECK(output_of("printf %s " + shell_quote(all)) == all);
}

TEST_CASE("shell quote: a command has its arguments, variables and folder") {
  CHECK(output_of(shell_command({"printf", "<%s>", "a b", "", "c'd"}, {}, "")) == "<a b><><c'd>");
  CHECK(output_of(shell_command({"sh", "-c", "printf %s \"$A|$B\""}, {"A=x y", "B=$HOME"}, "")) ==
        "x y|$HOME");
  CHECK(output_of(shell_command({"pwd"}, {"A=1"}, "/usr")) == "/usr\n");
}

TEST_CASE("shell quote: without its folder a command does not run") {
  CHECK(output_of("{ " + shell_command({"echo", "ran"}, {}, "/no such folder") + "; } 2>/dev/null")
            .empty());
}

TEST_CASE("shell quote: a folder that looks like an option is a folder") {
  CHECK(output_of("cd / && cd /tmp && { " + shell_command({"echo", "ran"}, {}, "-") +
                  "; } 2>/dev/null")
            .empty());
}
