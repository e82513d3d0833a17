#include "core/git_text.hpp"

#include <doctest/doctest.h>

using namespace banger;
using namespace banger::core;
using namespace std::string_literals;

TEST_CASE("an index is read, whatever paths it has") {
  auto entries = parse_index("H 100644 aaaa 0\tplain\0"
                             "S 100755 bbbb 0\ttab\there\0"
                             "M 120000 cccc 2\tnew\nline\0"
                             "h 160000 dddd 0\t\xff\0"s);
  REQUIRE(entries);
  REQUIRE(entries->size() == 4);
  CHECK((*entries)[0] == index_entry{'H', "100644", "aaaa", 0, "plain"});
  CHECK((*entries)[1] == index_entry{'S', "100755", "bbbb", 0, "tab\there"});
  CHECK((*entries)[2] == index_entry{'M', "120000", "cccc", 2, "new\nline"});
  CHECK((*entries)[3].path == "\xff");
  CHECK(parse_index("")->empty());
  for (const auto* bad : {"x", "H 100644 aaaa 0", "H 100644 aaaa\tp", "H 100644 aaaa 4\tp",
                          "H 100644 aaaa 00\tp", "HH 100644 aaaa 0\tp"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_index(bad));
  }
}

TEST_CASE("NUL-separated lists are split and joined") {
  CHECK(split_nul("").empty());
  CHECK(split_nul("a\0\0b\0"s) == std::vector<std::string>{"a", "", "b"});
  CHECK(split_nul("a\0b"s) == std::vector<std::string>{"a", "b"});
  CHECK(join_nul({"a", "", "b"}) == "a\0\0b\0"s);
  CHECK(join_nul({}).empty());
}

TEST_CASE("changes are pairs of a letter and a path") {
  auto changes = parse_name_status("M\0a\0D\0b\n\0"s);
  REQUIRE(changes);
  CHECK(*changes == std::vector<std::pair<char, std::string>>{{'M', "a"}, {'D', "b\n"}});
  CHECK(parse_name_status("")->empty());
  CHECK_FALSE(parse_name_status("M\0"s));
  CHECK_FALSE(parse_name_status("R100\0a\0"s));
}

TEST_CASE("a configuration is read and written so that git reads the same") {
  auto settings = parse_config("core.bare\nfalse\0remote.a.b.url\nx=\"1\"\0core.flag\0"s);
  CHECK(settings == std::vector<std::pair<std::string, std::string>>{{"core.bare", "false"},
                                                                     {"remote.a.b.url", "x=\"1\""},
                                                                     {"core.flag", "true"}});
  CHECK(config_text(settings) == "[core]\n\tbare = \"false\"\n"
                                 "[remote \"a.b\"]\n\turl = \"x=\\\"1\\\"\"\n"
                                 "[core]\n\tflag = \"true\"\n");
  CHECK(config_text({{"branch.a\"b\\c.merge", "line\nend"}}) ==
        "[branch \"a\\\"b\\\\c\"]\n\tmerge = \"line\\nend\"\n");
}

TEST_CASE("credentials are taken out of URLs, and nothing else") {
  struct {
    const char *url, *kept;
  } cases[] = {
      {"https://example.org/r.git", "https://example.org/r.git"},
      {"https://user@example.org/r.git", "https://example.org/r.git"},
      {"https://user:secret@example.org:8443/r.git", "https://example.org:8443/r.git"},
      {"https://user:p@ss@example.org/r@2", "https://example.org/r@2"},
      {"https://example.org/a@b", "https://example.org/a@b"},
      {"ssh://git@example.org/r.git", "ssh://git@example.org/r.git"},
      {"ssh://git:secret@example.org/r.git", "ssh://example.org/r.git"},
      {"git+ssh://git@example.org/r", "git+ssh://git@example.org/r"},
      {"git@example.org:r.git", "git@example.org:r.git"},
      {"/srv/r.git", "/srv/r.git"},
      {"https://token@", "https://"},
      {"", ""},
  };
  for (const auto& x : cases) {
    CAPTURE(x.url);
    CHECK(without_credentials(x.url) == x.kept);
  }
}

TEST_CASE("settings go along that are harmless, and no others") {
  for (const auto* name : {"core.autocrlf", "user.email", "remote.origin.url", "remote.a.b.fetch",
                           "branch.main.merge", "submodule.x.path", "status.showuntrackedfiles"})
    CHECK_MESSAGE(may_be_carried(name), name);
  for (const auto* name :
       {"core.sshcommand", "core.hookspath", "core.fsmonitor", "core.editor", "credential.helper",
        "http.extraheader", "http.https://x.org.extraheader", "filter.lfs.smudge", "include.path",
        "url.x.insteadof", "remote.origin.uploadpack", "remote.origin.proxy", "submodule.x.update",
        "github.token", "user.signingkey", "alias.x", "diff.x.command", "core.bare"})
    CHECK_FALSE_MESSAGE(may_be_carried(name), name);
}
