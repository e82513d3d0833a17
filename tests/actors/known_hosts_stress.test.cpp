// The known_hosts actor beside the real programs that share its file: ssh clients, which append to
// it, and ssh-keygen -R, which puts another file in its place. Nothing is scripted: a real actor
// system, whose network thread watches the folder.
#include "actors/known_hosts.hpp"
#include "core/base64.hpp"
#include "protocol/caf_error.hpp"
#include "protocol/caf_types.hpp"
#include "tests/support/known_hosts_folder.hpp"
#include "tests/support/test_sshd.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>
#include <doctest/doctest.h>

#include <spawn.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

using namespace banger;
using namespace banger::test;

namespace {

constexpr std::chrono::seconds patience{60};
constexpr std::size_t compact_above = 1024; // so that the actor replaces the file too, some times
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

struct real_config : caf::actor_system_config {
  real_config() {
    banger::add_message_types(*this);
    set("logger.verbosity", caf::atom("quiet"));
    load<caf::io::middleman>();
  }
};

/// The actor as the daemon runs it.
class running_actor {
public:
  explicit running_actor(const std::filesystem::path& path)
      : whom_(system_.spawn<caf::detached>(actors::known_hosts, path.string(), compact_above)) {}
  ~running_actor() {
    self_->send_exit(whom_, caf::exit_reason::user_shutdown);
    self_->wait_for(whom_);
  }
  running_actor(const running_actor&) = delete;

  template <class Reply, class Request>
  Reply ask(const Request& what) {
    Reply reply;
    self_->request(whom_, patience, what)
        .receive([&](Reply& got) { reply = std::move(got); },
                 [](const caf::error& why) { FAIL(to_string(to_failure(why))); });
    return reply;
  }

  void pin(const std::string& name, const core::host_key& key) {
    ask<done>(pin_host_key{
        {name}, key.type + " " + core::base64_encode(key.blob), key_provenance::seeded});
  }
  void unpin(const std::string& name) { ask<done>(pin_host_key{{name}, {}, {}}); }

private:
  real_config config_;
  caf::actor_system system_{config_};
  known_hosts_actor whom_;
  caf::scoped_actor self_{system_};
};

/// Waits until `is_so`; the actor does its part without being asked.
template <class F>
bool eventually(F is_so) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!is_so() && std::chrono::steady_clock::now() < end)
    ::usleep(5'000);
  return is_so();
}

struct fixture : known_hosts_folder {
  [[nodiscard]] core::host_key server_key() const {
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
  [[nodiscard]] std::map<std::string, core::host_key> expected_pins() const {
    std::map<std::string, core::host_key> out;
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

TEST_CASE_FIXTURE(fixture,
                  "known_hosts: beside ssh and ssh-keygen exactly the expected pins are there") {
  for (int round = 0; round < rounds(); ++round) {
    std::string seeded;
    for (int i = 0; i < seeds; ++i)
      seeded += pin_line("s" + std::to_string(i), key_b);
    write(seeded);
    REQUIRE(known_hosts_file{path}.prepare());
    running_actor actor{path};
    std::vector<pid_t> children = {start_keygen()};
    for (int i = 0; i < clients; ++i)
      children.push_back(start_client(i));
    for (int i = 0; i < pins; ++i) {
      actor.pin("p" + std::to_string(i), key_a);
      if (i % 2 == 1)
        actor.unpin("p" + std::to_string(i));
    }
    for (const auto child : children)
      CHECK(exit_status_of(child) == 0);
    // What was lost to ssh-keygen a moment ago comes back when the actor has looked.
    eventually([&] { return kh::parse(text()).size() == expected_pins().size(); });
    check_end();
  }
}

TEST_CASE_FIXTURE(fixture, "known_hosts: a pin that a rewrite has lost is put back unasked") {
  write(pin_line("one"));
  REQUIRE(known_hosts_file{path}.prepare());
  running_actor actor{path};
  CHECK(actor.ask<host_key_list>(read_pins{}).keys.size() == 1);
  // As ssh-keygen -R works: it reads, and puts its copy in place of what was appended meanwhile.
  const auto old = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  REQUIRE(old >= 0);
  const auto copy = folder / "known_hosts.copy";
  std::ofstream{copy, std::ios::binary} << text();
  ::chmod(copy.c_str(), 0600);
  std::filesystem::rename(copy, path);
  const auto late = pin_line("two", key_b);
  REQUIRE(::write(old, late.data(), late.size()) == static_cast<ssize_t>(late.size()));
  ::close(old);
  CHECK(eventually([&] { return text().find(late) != std::string::npos; }));
}

TEST_CASE_FIXTURE(fixture, "known_hosts: a last line without an end gets one unasked") {
  REQUIRE(known_hosts_file{path}.prepare());
  running_actor actor{path};
  CHECK(actor.ask<host_key_list>(read_pins{}).keys.empty());
  const auto line = pin_line("one");
  append_like_ssh(path, line.substr(0, line.size() - 1));
  CHECK(eventually([&] { return text() == line; }));
}

TEST_CASE_FIXTURE(fixture, "known_hosts: a folder that was moved away and made anew is watched") {
  REQUIRE(known_hosts_file{path}.prepare());
  running_actor actor{path};
  CHECK(actor.ask<host_key_list>(read_pins{}).keys.empty());
  const auto elsewhere = folder.string() + ".elsewhere";
  std::filesystem::rename(folder, elsewhere);
  REQUIRE(known_hosts_file{path}.prepare());
  const auto line = pin_line("one");
  append_like_ssh(path, line.substr(0, line.size() - 1));
  CHECK(eventually([&] { return text() == line; }));
  std::filesystem::remove_all(elsewhere);
}
