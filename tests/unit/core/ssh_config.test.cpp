#include "core/ssh_config.hpp"

#include <doctest/doctest.h>

using namespace banger::core;

namespace {

const ssh_config_values values{"/opt/a b/banger", "/home/u/ssh/id_ed25519", "/home/u/known_hosts"};
const std::string ours = "/home/u/.local/state/banger/ssh/config";

bool contains(const std::string& text, const std::string& piece) {
  return text.find(piece) != std::string::npos;
}

} // namespace

TEST_CASE("ssh config: it is for NAME.vm only, and checks host keys against our file") {
  const auto text = render_ssh_config(values);
  CHECK(contains(text, "\nHost *.vm\n"));
  CHECK(contains(text, "UserKnownHostsFile \"/home/u/known_hosts\"\n"));
  CHECK(contains(text, "StrictHostKeyChecking accept-new\n"));
  CHECK(contains(text, "ProxyCommand '/opt/a b/banger' ssh-proxy %h\n"));
  CHECK(contains(text, "ProxyUseFdpass yes\n"));
}

TEST_CASE("ssh config: nothing in it turns the check off") {
  for (const auto& x : {values, ssh_config_values{}}) {
    const auto text = render_ssh_config(x);
    CHECK_FALSE(contains(text, "StrictHostKeyChecking no"));
    CHECK_FALSE(contains(text, "/dev/null"));
  }
  const auto text = render_ssh_config({"/b", "/k", ""});
  CHECK(contains(text, "StrictHostKeyChecking yes\n"));
  CHECK_FALSE(contains(text, "accept-new"));
}

TEST_CASE("ssh config: a percent sign in a path is not a token") {
  const auto text = render_ssh_config({"/a%h/b'c", "/k%d", "/n%%"});
  CHECK(contains(text, "IdentityFile \"/k%%d\"\n"));
  CHECK(contains(text, "UserKnownHostsFile \"/n%%%%\"\n"));
  CHECK(contains(text, "/a%%h/b"));
}

TEST_CASE("ssh config: the line goes to the top, once, and comes out without a trace") {
  for (const std::string before :
       {"", "Host a\n  Port 1\n", "Host a\n  Port 1", "\n\n# mine\r\nHost *\r\n", "Include other\n",
        "   \n", "\xff\xfe"}) {
    const auto with = with_include(before, ours);
    CHECK(with == "Include \"" + ours + "\"\n" + before);
    CHECK(with_include(with, ours) == with);
    CHECK(without_include(with, ours) == before);
    CHECK(without_include(before, ours) == before);
  }
}

TEST_CASE(
    "ssh config: a line that somebody has moved or indented is known, another's is not ours") {
  const auto moved = "Host a\n\t" + include_line(ours) + "  \r\nHost b\n";
  CHECK(with_include(moved, ours) == moved);
  CHECK(without_include(moved, ours) == "Host a\nHost b\n");
  const std::string other = "Include \"/somewhere/else\"\n#Include \"" + ours + "\"\n";
  CHECK(without_include(other, ours) == other);
  CHECK(without_include(with_include(other, ours), ours) == other);
}
