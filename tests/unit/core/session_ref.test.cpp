#include "core/session_ref.hpp"

#include "core/vm_name.hpp"

#include <doctest/doctest.h>

using namespace banger;
using namespace banger::core;
using strings = std::vector<std::string>;

namespace {

session_config valid() {
  session_config x;
  x.argv = {"make", "test"};
  return x;
}

/// Why a session cannot be made so.
std::string refused(const session_config& x) {
  const auto found = check_session_config(x);
  REQUIRE_FALSE(found);
  CHECK(found.error().code == ec::bad_request);
  CHECK(found.error().what == "start a session");
  CHECK_FALSE(found.error().why.empty());
  return found.error().why;
}

bool contains(const std::string& text, const std::string& piece) {
  return text.find(piece) != std::string::npos;
}

} // namespace

TEST_CASE("session ref: a VM and a name") {
  const auto x = split_session_ref("box/make-1");
  REQUIRE(x);
  CHECK(x->vm == "box");
  CHECK(x->session == "make-1");
  const auto by_id = split_session_ref("0123/4567");
  REQUIRE(by_id);
  CHECK(by_id->vm == "0123");
  CHECK(by_id->session == "4567");
}

TEST_CASE("session ref: all behind the first slash is the session's") {
  const auto x = split_session_ref("box/a/b");
  REQUIRE(x);
  CHECK(x->vm == "box");
  CHECK(x->session == "a/b"); // no session has that name: it will not be found
  CHECK(split_session_ref("box//")->session == "/");
}

TEST_CASE("session ref: what has not both is none, and it is said how one looks") {
  for (const char* bad : {"", "/", "box", "box/", "/make-1", "//"}) {
    const auto x = split_session_ref(bad);
    REQUIRE_FALSE_MESSAGE(x, bad);
    CHECK(x.error().code == ec::bad_request);
    CHECK(x.error().what == "'" + std::string{bad} + "' is no session");
    CHECK(contains(x.error().why, "VM/NAME"));
    CHECK(x.error().hint == "banger session list");
  }
}

TEST_CASE("session ref: a session is named after its command") {
  struct {
    const char *program, *name;
  } const cases[] = {
      {"make", "make-1"},
      {"/usr/bin/python3.11", "python3-11-1"},
      {"./run_Tests.sh", "run-tests-sh-1"},
      {"../bin/g++", "g-1"},
      {"--help", "help-1"},
      {"a  b", "a-b-1"},
      {"bin/", "session-1"},
      {"/", "session-1"},
      {"...", "session-1"},
      {"", "session-1"},
      {"\xc3\xa4pfel", "pfel-1"},
      {"\xff\xff", "session-1"},
      {"x\ny\tz", "x-y-z-1"},
  };
  for (const auto& x : cases)
    CHECK(session_name_for({x.program, "-c", "/other"}, {}) == x.name);
  CHECK(session_name_for({}, {}) == "session-1");
}

TEST_CASE("session ref: names that are taken are gone around") {
  CHECK(session_name_for({"make"}, {"make-1"}) == "make-2");
  CHECK(session_name_for({"make"}, {"make-2", "make-1", "other"}) == "make-3");
  CHECK(session_name_for({"make"}, {"make-2"}) == "make-1"); // the first that is free
  CHECK(session_name_for({"make"}, {"make", "make-10"}) == "make-1");
  strings many;
  for (int i = 1; i <= 300; ++i)
    many.push_back("make-" + std::to_string(i));
  CHECK(session_name_for({"make"}, many) == "make-301");
}

TEST_CASE("session ref: a name that was chosen is one that may be given") {
  for (const auto& program :
       strings{std::string(500, 'a'), std::string(39, 'a') + "-" + "b", std::string(40, '-') + "b",
               "A" + std::string(100, '.'), std::string(255, '\x7f'), std::string("a\0b", 3)}) {
    const auto name = session_name_for({program}, {});
    CHECK_MESSAGE(check_vm_name(name), name);
    auto x = valid();
    x.name = name;
    CHECK(check_session_config(x));
  }
}

TEST_CASE("session config: what is asked for may be little or much") {
  CHECK(check_session_config(valid()));
  auto x = valid();
  x.name = "make-1";
  x.argv = {"sh", "", "-c", "\xff\n", "a b"};
  x.env = {"A=", "B=x=y", "C=\xfe\n"};
  x.cwd = "src";
  x.tags = {"who=me", "why="};
  x.required = {"sh", "make", "g++"};
  x.journal_cap = 64U << 10;
  CHECK(check_session_config(x));
  x.journal_cap = UINT64_MAX;
  CHECK(check_session_config(x));
}

TEST_CASE("session config: there is a command") {
  auto x = valid();
  x.argv = {};
  CHECK(refused(x) == "there is no command");
  x.argv = {"", "x"};
  CHECK(refused(x) == "there is no command");
}

TEST_CASE("session config: a name is as a VM's") {
  for (const char* bad : {"My", "a/b", "-a", "a-", "a b", "\xc3\xa4"}) {
    auto x = valid();
    x.name = bad;
    CHECK_MESSAGE(contains(refused(x), bad), bad);
  }
  auto x = valid();
  x.name = std::string(64, 'a');
  refused(x);
  x.name = std::string("a\0b", 3);
  refused(x);
  x.name = std::string(63, 'a');
  CHECK(check_session_config(x));
  x.name = "My";
  CHECK(check_session_config(x).error().hint == "try 'my'");
}

TEST_CASE("session config: why a name is wrong is said once") {
  auto x = valid();
  x.name = "a b";
  const auto why = refused(x);
  CHECK(why.find("'a b'") == why.rfind("'a b'"));
}

TEST_CASE("session config: a NUL cannot be in what the guest gets as C strings") {
  const std::string nul("A=\0", 3);
  auto x = valid();
  x.argv.push_back(nul);
  CHECK(contains(refused(x), "NUL"));
  x = valid();
  x.env = {nul};
  CHECK(contains(refused(x), "NUL"));
  x = valid();
  x.tags = {"a=b", nul};
  CHECK(contains(refused(x), "NUL"));
  x = valid();
  x.required = {nul};
  CHECK(contains(refused(x), "NUL"));
  x = valid();
  x.cwd = nul;
  CHECK(contains(refused(x), "NUL"));
}

TEST_CASE("session config: variables and tags are pairs") {
  for (const char* bad : {"", "A", "=", "=1"}) {
    auto x = valid();
    x.env = {"A=1", bad};
    CHECK(refused(x) == "'" + std::string{bad} + "' is not NAME=value");
    x = valid();
    x.tags = {bad};
    CHECK(refused(x) == "'" + std::string{bad} + "' is not NAME=value");
  }
}

TEST_CASE("session config: a required command is one of PATH") {
  for (const char* bad : {"", "/bin/sh", "./x", "a/"}) {
    auto x = valid();
    x.required = {"make", bad};
    CHECK(refused(x) == "'" + std::string{bad} + "' is no name of a command");
  }
}

TEST_CASE("session config: all of its texts together have a limit") {
  constexpr std::size_t most = 2U << 20;
  auto x = valid();
  x.argv = {"sh"};                         // 3 with its NUL
  x.env = {"A=" + std::string(most, 'x')}; // 3 more, with its NUL
  x.env.front().resize(most - 3 - 1);
  CHECK(check_session_config(x));
  x.env.front() += 'x';
  CHECK(contains(refused(x), "2 MiB"));
  x.env.front().resize(most - 3 - 1);
  x.cwd = "/";
  CHECK(contains(refused(x), "2 MiB"));
  CHECK(contains(check_session_config(x).error().hint, "file in the guest"));
  // Very many small ones count as well: each has a NUL.
  x = valid();
  x.argv = strings(most / 2, "x");
  CHECK(check_session_config(x));
  x.argv.emplace_back("");
  refused(x);
}

TEST_CASE("session config: a journal has a least size, or the usual one") {
  auto x = valid();
  x.journal_cap = 1;
  CHECK(contains(refused(x), "64 KiB"));
  x.journal_cap = (64U << 10) - 1;
  refused(x);
  x.journal_cap = 64U << 10;
  CHECK(check_session_config(x));
}
