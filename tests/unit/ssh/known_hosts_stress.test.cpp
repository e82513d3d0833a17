// The known_hosts file beside the real programs that share it: ssh clients, which append to it, and
// ssh-keygen -R, which puts another file in its place.
#include "tests/support/known_hosts_folder.hpp"
#include "tests/support/test_sshd.hpp"

#include <doctest/doctest.h>

#include <spawn.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

using namespace banger::test;

namespace {

constexpr int clients = 8;
constexpr int names_each = 25; // first contacts of one client, one after the other
constexpr int pins = 200;      // ours; we remove every other one
constexpr int seeds = 24;      // there from the start; ssh-keygen removes every other one

int rounds() {
  const char* wanted = std::getenv("BANGER_TEST_ROUNDS"); // one is quick
  return wanted != nullptr ? std::atoi(wanted) : 1;
}

pid_t run_script(std::string script) {
  std::string shell = "sh";
  std::string option = "-c";
  char* arguments[] = {shell.data(), option.data(), script.data(), nullptr};
  pid_t pid = -1;
  REQUIRE(::posix_spawnp(&pid, "sh", nullptr, nullptr, arguments, environ) == 0);
  return pid;
}

struct fixture : known_hosts_folder {
  [[nodiscard]] banger::core::host_key server_key() const {
    return {"ssh-ed25519", server.host_key_blob()};
  }

  /// A shell that runs one ssh after the other, each to a name of its own. The host key is written
  /// before anybody is authenticated, so nobody has to be.
  [[nodiscard]] pid_t start_client(int number) const {
    return run_script(
        "for i in $(seq 0 " + std::to_string(names_each - 1) + "); do ssh -F /dev/null -p " +
        std::to_string(server.port()) + " -o HostKeyAlias=c" + std::to_string(number) +
        "-$i -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile='" + path.string() +
        "' -o GlobalKnownHostsFile=/dev/null -o HashKnownHosts=" +
        (number % 2 == 0 ? "no" : "yes") +
        " -o BatchMode=yes -o PreferredAuthentications=none -o KexAlgorithms=curve25519-sha256" +
        " 127.0.0.1 true 2>/dev/null; done; true");
  }

  [[nodiscard]] pid_t start_keygen() const {
    return run_script("for i in $(seq 1 2 " + std::to_string(seeds) +
                      "); do ssh-keygen -R s$i -f '" + path.string() +
                      "' >/dev/null 2>&1 || exit 1; sleep 0.2; done");
  }

  /// What must be there at the end: each name with its key.
  [[nodiscard]] std::map<std::string, banger::core::host_key> expected_pins() const {
    std::map<std::string, banger::core::host_key> out;
    for (int i = 0; i < clients * names_each; ++i)
      out["c" + std::to_string(i / names_each) + "-" + std::to_string(i % names_each)] =
          server_key();
    for (int i = 0; i < pins; i += 2)
      out["p" + std::to_string(i)] = key_a;
    for (int i = 0; i < seeds; i += 2)
      out["s" + std::to_string(i)] = key_b;
    return out;
  }

  void check_end() const {
    const auto lines = kh::parse(text());
    const auto expected = expected_pins();
    for (const auto& [name, key] : expected) {
      const auto found = kh::matching_lines(lines, name);
      CHECK_MESSAGE(found.size() == 1, name);
      if (found.size() != 1)
        continue;
      CHECK(found[0]->key == key);
    }
    CHECK(lines.size() == expected.size());
    CHECK(mode_of(path) == 0600);
    for (const auto& each : std::filesystem::directory_iterator(folder)) {
      const auto name = each.path().filename().string();
      const auto is_ours = name == "known_hosts" || name == "known_hosts.lock";
      CHECK_MESSAGE((is_ours || name == "known_hosts.old"), name); // the latter is ssh-keygen's
    }
  }

  test_sshd server;
};

} // namespace

TEST_CASE_FIXTURE(
    fixture, "known_hosts_file: beside ssh and ssh-keygen exactly the expected pins are there") {
  for (int round = 0; round < rounds(); ++round) {
    std::string text;
    for (int i = 0; i < seeds; ++i)
      text += pin_line("s" + std::to_string(i), key_b);
    write(text);
    known_hosts_file file(path);
    REQUIRE(file.prepare());
    std::vector<pid_t> children = {start_keygen()};
    for (int i = 0; i < clients; ++i)
      children.push_back(start_client(i));
    for (int i = 0; i < pins; ++i) {
      REQUIRE(file.pin({"p" + std::to_string(i)}, key_a, "stress"));
      if (i % 2 == 1)
        REQUIRE(file.remove({"p" + std::to_string(i)})->count >= 1);
      if (i % 20 == 19)
        REQUIRE(file.compact(0));
    }
    for (const auto child : children)
      while (::waitpid(child, nullptr, WNOHANG) == 0) {
        REQUIRE(file.heal()); // what the watch of the folder does
        ::usleep(1000);
      }
    REQUIRE(file.drain(known_hosts_file::clock::now() + known_hosts_file::drain_time));
    check_end();
  }
}
