// A session's host serves all attaches to it: what one of them does, or does not do, is no other's
// business, and none goes without an answer.
#include "guest/agent_protocol.h"
#include "tests/unit/guest/session_tester.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace banger;
using namespace banger::test;
using namespace std::string_literals;

namespace {

/// A client of a host, as the agent is one.
host::unique_fd connect_host(const session_tester& tester, const std::string& id) {
  host::unique_fd fd{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  auto path = tester.agent.folder() / ("run/" + id + ".sock");
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  void* generic = &address;
  REQUIRE(::connect(fd.get(), static_cast<sockaddr*>(generic), sizeof address) == 0);
  return fd;
}

std::string attach_frame(const std::string& id) {
  session_attach request{id.data(), 0, 0, attachment::endless};
  std::array<unsigned char, 128> bytes{};
  auto size = session_put_attach(bytes.data(), bytes.size(), &request);
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)};
}

void send_packet(const host::unique_fd& to, const std::string& bytes) {
  REQUIRE(::send(to.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(bytes.size()));
}

bool has_hung_up(const host::unique_fd& fd) {
  char byte = 0;
  return ::recv(fd.get(), &byte, 1, 0) <= 0;
}

constexpr std::size_t much = 3'000'000;
constexpr const char* write_much = "head -c 3000000 /dev/zero | tr '\\0' x";

} // namespace

TEST_CASE("session attaches: of a hundred each has its own offset, and its own input") {
  session_tester tester;
  auto what = tester.shell("printf 0123456789; cat");
  tester.start(what);
  tester.attach(what.id).read_until_size(10);
  std::vector<attachment> all;
  for (unsigned i = 0; i < 100; ++i)
    all.push_back(tester.attach(what.id, i % 10));
  for (auto& each : all) {
    each.send_input("x");
    each.wait_taken(1);
  }
  for (unsigned i = 0; i < 100; ++i) {
    all[i].read_until_size(110 - i % 10);
    CHECK(all[i].all == "0123456789"s.substr(i % 10) + std::string(100, 'x'));
  }
  CHECK(tester.agent.connect().is_open());
}

TEST_CASE("session attaches: one that takes nothing holds up neither the others nor the command, "
          "and gets all of it when it does") {
  session_tester tester;
  auto what = tester.shell("read -r x; "s + write_much + "; exit 7");
  tester.start(what);
  auto stalled = tester.attach(what.id), starved = tester.attach(what.id, 0, 0, 10);
  std::vector<attachment> readers;
  for (int i = 0; i < 5; ++i)
    readers.push_back(tester.attach(what.id));
  const auto host = tester.host(what.id);
  stalled.send_input("\n");
  for (auto& reader : readers) {
    reader.read_to_end();
    CHECK(reader.all == std::string(much, 'x'));
    CHECK(reader.ended->code == 7);
  }
  REQUIRE(tester.wait_for_state(what.id, "exited"));
  CHECK(wait_for([&] { return !is_alive(host); })); // others go on with those two
  starved.give_credit(attachment::endless / 2);
  for (auto* reader : {&stalled, &starved}) {
    reader->read_to_end();
    CHECK(reader->all == std::string(much, 'x'));
    REQUIRE(reader->ended);
    CHECK(reader->ended->code == 7);
  }
}

TEST_CASE("session attaches: what is left of them behind the end can still be deleted") {
  session_tester tester;
  auto what = tester.shell(write_much);
  tester.start(what);
  auto stalled = tester.attach(what.id);
  REQUIRE(tester.wait_for_state(what.id, "exited"));
  CHECK(tester.remove(what.id).type == 'd');
  CHECK(tester.list().empty());
  stalled.send_input("x"); // refused, or too late
  stalled.read_to_end();
  CHECK(stalled.all == std::string(much, 'x'));
  CHECK(stalled.ended);
}

TEST_CASE("session attaches: one that comes just when the command ends is told how") {
  session_tester tester;
  for (int i = 0; i < 100; ++i) {
    auto what = tester.shell("echo out; exit 3");
    tester.start(what);
    for (int k = 0; k < 4; ++k) {
      auto reader = tester.attach(what.id, 0, k % 2 == 0 ? 0 : SESSION_FLAG_STATUS_ONLY);
      reader.read_to_end();
      REQUIRE(reader.ended);
      CHECK(reader.ended->code == 3);
      CHECK(reader.all == (k % 2 == 0 ? "out\n" : ""));
    }
  }
}

TEST_CASE("session attaches: one that comes just when the session begins is answered") {
  session_tester tester;
  int ended = 0;
  for (int i = 0; i < 60; ++i) {
    CAPTURE(i);
    const bool is_good = i % 2 == 0;
    auto what = is_good ? tester.shell("exit 3") : tester.spec({"/no/such/program"});
    auto starting = tester.agent.connect();
    starting.send(encode(what));
    for (int k = 0; k < 4; ++k) {
      auto reader = tester.attach(what.id);
      if (reader.failed) {
        CHECK(reader.failed->error == ENOENT);
        continue;
      }
      reader.read_to_end();
      REQUIRE(reader.ended);
      CHECK(reader.ended->how == (is_good ? session_how_exited : session_how_failed));
      CHECK(reader.ended->code == (is_good ? 3U : static_cast<unsigned>(ENOENT)));
      ++ended;
    }
    CHECK(starting.read_frame().type == (is_good ? 'S' : 'F'));
  }
  CHECK(ended > 0);
}

TEST_CASE("session attaches: those of a host that is killed end, go on where they were, and count "
          "no more") {
  session_tester tester;
  auto what = tester.shell(write_much + "; sleep 1000"s), other = tester.spec({"cat"});
  tester.start(what);
  tester.start(other);
  std::vector<attachment> all;
  for (int i = 0; i < BANGER_MAX_ATTACHES; ++i)
    all.push_back(tester.attach(what.id, 0, 0, 1000 + static_cast<unsigned>(i)));
  all.front().give_credit(much);
  all.front().read_until_size(much);
  CHECK(tester.attach(other.id).failed);
  tester.kill_host(what.id);
  for (auto& each : all) {
    each.read_to_end();
    CHECK(!each.ended);
  }
  for (std::size_t i = 0; i < 5; ++i) {
    auto rest = tester.attach(what.id, all[i].next);
    REQUIRE(!rest.failed);
    rest.read_to_end();
    CHECK(all[i].all + rest.all == std::string(much, 'x'));
    REQUIRE(rest.ended);
    CHECK(rest.ended->how == session_how_lost);
  }
  auto living = tester.attach(other.id);
  REQUIRE(!living.failed);
  living.send_input("room\n");
  living.read_until("room\n");
  ::kill(-std::atoi(tester.state(what.id, "pid").c_str()), SIGKILL);
}

TEST_CASE("session attaches: rubbish on a host's socket ends its connection at most") {
  session_tester tester;
  auto what = tester.spec({"cat"});
  tester.start(what);
  for (const auto& bytes : {"x"s, "A"s, "D"s, attach_frame(what.id), raw_frame('N', "x"),
                            raw_frame('i', "x"), std::string(200, 'A')}) {
    CAPTURE(bytes);
    auto client = connect_host(tester, what.id);
    send_packet(client, bytes); // an attach comes with a connection
    CHECK(has_hung_up(client));
  }
  auto silent = connect_host(tester, what.id);
  auto reader = tester.attach(what.id);
  reader.send_input("fine\n");
  reader.read_until("fine\n");
}

TEST_CASE("session attaches: from far back, by offset and by time, comes exactly the rest") {
  session_tester tester;
  auto what = tester.shell("for i in 1 2 3 4 5 6 7 8; do head -c 60000 /dev/zero | tr '\\0' $i; "
                           "date +%s%3N >&2; sleep 0.01; done; read -r x");
  what.cap = 1 << 20;
  tester.start(what);
  auto whole = tester.attach(what.id);
  constexpr std::size_t stamp = 14; // with its newline
  whole.read_until_size(8 * (60'000 + stamp));
  REQUIRE(whole.error_output.size() == 8 * stamp);
  for (std::uint64_t from = 0; from < whole.all.size(); from += 17'777) {
    auto reader = tester.attach(what.id, from, SESSION_FLAG_NO_FOLLOW);
    reader.read_to_end();
    CHECK(reader.all == whole.all.substr(from));
  }
  for (std::size_t i = 0; i < 7; ++i) { // behind a time stamp comes the next round
    const auto at = std::stoull(whole.error_output.substr(i * stamp, stamp));
    auto reader = tester.attach(what.id, at + 8, SESSION_FLAG_FROM_TIME | SESSION_FLAG_NO_FOLLOW);
    reader.read_to_end();
    CHECK(reader.output == whole.output.substr((i + 1) * 60'000));
  }
}
