#include "core/remote_host.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace banger;
using namespace banger::core;

TEST_CASE("remote_host: URLs") {
  auto x = parse_host_url("ssh://ada@lab.example:2222");
  REQUIRE(x);
  CHECK(x->kind == way_kind::ssh);
  CHECK(x->user == "ada");
  CHECK(x->address == "lab.example");
  CHECK(x->port == 2222);
  CHECK(parse_host_url("ssh://lab/")->address == "lab");
  CHECK(parse_host_url("ssh://lab")->port == 0);
  x = parse_host_url("tls://[2001:db8::7]:7077");
  REQUIRE(x);
  CHECK(x->kind == way_kind::tls);
  CHECK(x->address == "2001:db8::7");
  CHECK(x->port == 7077);
}

TEST_CASE("remote_host: what is no host is refused") {
  for (const auto* url :
       {"", "lab", "http://lab", "ssh://", "ssh://-oProxyCommand=x", "ssh://-l@lab", "ssh://a b",
        "ssh://lab:0", "ssh://lab:70000", "ssh://lab:", "ssh://lab:22x", "ssh://x;y@lab",
        "tls://lab", "tls://me@lab:1", "ssh://[::1", "ssh://[]", "ssh://lab/path", "ssh://$(x)"}) {
    CAPTURE(url);
    const auto x = parse_host_url(url);
    REQUIRE_FALSE(x);
    CHECK(x.error().code == ec::bad_request);
    CHECK_FALSE(x.error().hint.empty());
  }
}

TEST_CASE("remote_host: the way over ssh asks nothing, and runs what it is told") {
  auto x = *parse_host_url("ssh://ada@lab:22");
  x.program = "/opt/my tools/banger";
  const auto line = way_to(x, {"/usr/bin/ssh", {}});
  CHECK(line.front() == "/usr/bin/ssh");
  CHECK(std::find(line.begin(), line.end(), "BatchMode=yes") != line.end());
  const std::vector<std::string> last{
      "-p", "22", "-l", "ada", "--", "lab", "'/opt/my tools/banger' daemon connect"};
  CHECK(std::equal(last.rbegin(), last.rend(), line.rbegin()));
}

TEST_CASE("remote_host: the way over TLS") {
  auto x = *parse_host_url("tls://[::1]:7077");
  x.certs = "/c";
  x.server_name = "lab";
  CHECK(way_to(x, {{}, "/l/banger-tls"}) ==
        std::vector<std::string>{"/l/banger-tls", "connect", "--address", "[::1]:7077", "--certs",
                                 "/c", "--name", "lab"});
}

TEST_CASE("remote_host: a name may have a host before it") {
  using both = std::pair<std::string, std::string>;
  CHECK(split_host("box") == both{"", "box"});
  CHECK(split_host("lab/box") == both{"lab", "box"});
  CHECK(split_host("lab/box/make") == both{"lab", "box/make"});
}
