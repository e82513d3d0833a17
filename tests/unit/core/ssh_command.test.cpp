#include "core/ssh_command.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using banger::ssh_target;
using banger::core::ssh_arguments;
using strings = std::vector<std::string>;

namespace {

const ssh_target box{
    "box", "127.77.0.2", 2222, "root", "/home/a b/id_ed25519", "/home/a b/known_hosts", "box.vm"};

bool contains(const strings& all, const std::string& x) {
  return std::find(all.begin(), all.end(), x) != all.end();
}

} // namespace

TEST_CASE("ssh command: it goes to the guest, with its key") {
  const auto all = ssh_arguments("/usr/bin/ssh", box, {});
  CHECK(all.front() == "/usr/bin/ssh");
  CHECK(all.back() == "root@127.77.0.2");
  const auto port = std::find(all.begin(), all.end(), "-p");
  REQUIRE(port != all.end());
  CHECK(*(port + 1) == "2222");
  const auto key = std::find(all.begin(), all.end(), "-i");
  REQUIRE(key != all.end());
  CHECK(*(key + 1) == "/home/a b/id_ed25519");
}

TEST_CASE("ssh command: the user's further arguments come last") {
  const auto all = ssh_arguments("ssh", box, {"-L", "8080:localhost:80"});
  REQUIRE(all.size() > 3);
  CHECK(strings(all.end() - 3, all.end()) == strings{"root@127.77.0.2", "-L", "8080:localhost:80"});
}

TEST_CASE("ssh command: host keys are checked, against our own file only") {
  const auto all = ssh_arguments("ssh", box, {});
  for (const char* option :
       {"StrictHostKeyChecking=accept-new", "UserKnownHostsFile=\"/home/a b/known_hosts\"",
        "GlobalKnownHostsFile=none", "HostKeyAlias=box.vm", "UpdateHostKeys=no",
        "IdentitiesOnly=yes"}) {
    const auto found = std::find(all.begin(), all.end(), option);
    REQUIRE_MESSAGE(found != all.end(), option);
    CHECK(*(found - 1) == "-o");
  }
  // ssh takes the first value of an option: ours must come before the user's.
  const auto more = ssh_arguments("ssh", box, {"-o", "StrictHostKeyChecking=no"});
  CHECK(std::find(more.begin(), more.end(), "StrictHostKeyChecking=accept-new") <
        std::find(more.begin(), more.end(), "root@127.77.0.2"));
}

TEST_CASE("ssh command: nothing in it turns the check off") {
  for (const auto& target : {box, ssh_target{}})
    for (const auto& argument : ssh_arguments("ssh", target, {})) {
      CHECK(argument.find("StrictHostKeyChecking=no") == std::string::npos);
      CHECK(argument.find("/dev/null") == std::string::npos);
    }
}

TEST_CASE("ssh command: the user's own configuration has no say") {
  const auto all = ssh_arguments("ssh", box, {});
  CHECK(contains(all, "-F"));
}

TEST_CASE("ssh command: where the known_hosts file is not known, only what is pinned is trusted") {
  auto target = box;
  target.known_hosts.clear();
  const auto all = ssh_arguments("ssh", target, {});
  CHECK(contains(all, "StrictHostKeyChecking=yes"));
  CHECK_FALSE(contains(all, "StrictHostKeyChecking=accept-new"));
}
