#include "host/paths.hpp"

#include "host/files.hpp"

#include <doctest/doctest.h>

#include <map>

namespace host = banger::host;
using banger::ec;

namespace {

constexpr uid_t nobody_logged_in = 4'000'000'000; // has no /run/user folder

host::environment with(std::map<std::string, std::string> all) {
  return [all](const std::string& name) -> std::optional<std::string> {
    auto found = all.find(name);
    return found == all.end() ? std::nullopt : std::optional{found->second};
  };
}

host::paths resolved(std::map<std::string, std::string> all) {
  auto x = host::resolve_paths(with(std::move(all)), nobody_logged_in);
  REQUIRE(x);
  return *x;
}

} // namespace

TEST_CASE("paths: each user's helper has a socket of its own, and can have another") {
  CHECK(resolved({{"HOME", "/h"}}).helper_socket == "/run/banger-helper/4000000000.sock");
  CHECK(resolved({{"HOME", "/h"}, {"BANGER_HELPER_SOCKET", "/x/s"}}).helper_socket == "/x/s");
}

TEST_CASE("paths: HOME alone gives the defaults of the XDG specification") {
  auto x = resolved({{"HOME", "/home/ann"}});
  CHECK(x.config == "/home/ann/.config/banger");
  CHECK(x.data == "/home/ann/.local/share/banger");
  CHECK(x.images == "/home/ann/.local/share/banger/images");
  CHECK(x.state == "/home/ann/.local/state/banger");
  CHECK(x.cache == "/home/ann/.cache/banger");
  CHECK(x.database == "/home/ann/.local/state/banger/banger.db");
  CHECK(x.vms == "/home/ann/.local/state/banger/vms");
  CHECK(x.known_hosts == "/home/ann/.local/state/banger/ssh/known_hosts");
  CHECK(x.log == "/home/ann/.local/state/banger/bangerd.log");
  CHECK(x.runtime == "/tmp/banger-4000000000");
  CHECK(x.socket == "/tmp/banger-4000000000/bangerd.sock");
  CHECK(x.lock == x.socket + ".lock");
}

TEST_CASE("paths: each XDG variable moves its own part") {
  auto x = resolved({{"HOME", "/h"},
                     {"XDG_CONFIG_HOME", "/c"},
                     {"XDG_DATA_HOME", "/d"},
                     {"XDG_STATE_HOME", "/s"},
                     {"XDG_CACHE_HOME", "/k"},
                     {"XDG_RUNTIME_DIR", "/r"}});
  CHECK(x.config == "/c/banger");
  CHECK(x.data == "/d/banger");
  CHECK(x.state == "/s/banger");
  CHECK(x.cache == "/k/banger");
  CHECK(x.runtime == "/r/banger");
}

TEST_CASE("paths: relative XDG values are ignored") {
  auto x = resolved({{"HOME", "/h"}, {"XDG_STATE_HOME", "state"}, {"XDG_RUNTIME_DIR", "./run"}});
  CHECK(x.state == "/h/.local/state/banger");
  CHECK(x.runtime == "/tmp/banger-4000000000");
}

TEST_CASE("paths: the user's folder in /run is taken where it is there") {
  if (!host::exists("/run/user/0"))
    return;
  auto x = host::resolve_paths(with({{"HOME", "/h"}}), 0);
  REQUIRE(x);
  CHECK(x->runtime == "/run/user/0/banger");
}

TEST_CASE("paths: without HOME it says what to set") {
  for (const auto& env : {with({}), with({{"XDG_CONFIG_HOME", "/c"}}), with({{"HOME", "ann"}})}) {
    auto x = host::resolve_paths(env, nobody_logged_in);
    REQUIRE(!x);
    CHECK(x.error().code == ec::bad_request);
    CHECK(x.error().why.starts_with("HOME is not"));
    CHECK(x.error().hint.starts_with("set HOME"));
  }
}

TEST_CASE("paths: HOME is not needed where all XDG variables are set") {
  auto x = resolved({{"XDG_CONFIG_HOME", "/c"},
                     {"XDG_DATA_HOME", "/d"},
                     {"XDG_STATE_HOME", "/s"},
                     {"XDG_CACHE_HOME", "/k"}});
  CHECK(x.vms == "/s/banger/vms");
}

TEST_CASE("paths: BANGER_SOCKET moves the socket, its lock and its folder") {
  auto x = resolved({{"HOME", "/h"}, {"XDG_RUNTIME_DIR", "/r"}, {"BANGER_SOCKET", "/x/y/b.sock"}});
  CHECK(x.socket == "/x/y/b.sock");
  CHECK(x.lock == "/x/y/b.sock.lock");
  CHECK(x.runtime == "/x/y");
  CHECK(resolved({{"HOME", "/h"}, {"BANGER_SOCKET", "/b.sock"}}).runtime == "/");
  auto relative =
      host::resolve_paths(with({{"HOME", "/h"}, {"BANGER_SOCKET", "b.sock"}}), nobody_logged_in);
  REQUIRE(!relative);
  CHECK(relative.error().code == ec::bad_request);
}

TEST_CASE("paths: a socket path of 107 bytes is the longest") {
  auto socket = "/" + std::string(106, 's');
  CHECK(resolved({{"HOME", "/h"}, {"BANGER_SOCKET", socket}}).socket == socket);
  auto x = host::resolve_paths(with({{"HOME", "/h"}, {"BANGER_SOCKET", socket + "s"}}),
                               nobody_logged_in);
  REQUIRE(!x);
  CHECK(x.error().code == ec::bad_request);
  CHECK(x.error().why == "its path has 108 bytes, 107 is the most");
  CHECK(x.error().hint.find("BANGER_SOCKET") != std::string::npos);
}

TEST_CASE("paths: an empty variable counts as unset") {
  ::setenv("BANGER_TEST_EMPTY", "", 1);
  CHECK_FALSE(host::process_environment()("BANGER_TEST_EMPTY"));
  ::setenv("BANGER_TEST_EMPTY", "x", 1);
  CHECK(host::process_environment()("BANGER_TEST_EMPTY") == "x");
  ::unsetenv("BANGER_TEST_EMPTY");
}
