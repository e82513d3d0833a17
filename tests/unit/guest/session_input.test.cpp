#include "tests/unit/guest/session_tester.hpp"

#include <csignal>
#include <fstream>
#include <sys/stat.h>
#include <thread>

using namespace banger;
using namespace banger::test;

namespace {

/// As a sender should: with so much under way at most that nothing else is held up.
void send_bounded(attachment& to, const std::string& bytes) {
  constexpr std::size_t chunk = SESSION_DATA_MAX / 4;
  std::uint64_t base = to.taken;
  for (std::size_t at = 0; at < bytes.size();) {
    while (base + at + chunk > to.taken + SESSION_DATA_MAX)
      REQUIRE(to.step() != 0);
    to.send_input(bytes.substr(at, chunk));
    at += std::min(chunk, bytes.size() - at);
  }
  to.wait_taken(base + bytes.size());
}

} // namespace

TEST_CASE("session input: 100 MB arrive byte for byte") {
  session_tester tester;
  auto block = noise(10'000'000);
  {
    std::ofstream file{tester.agent.folder() / "truth", std::ios::binary};
    for (int i = 0; i < 10; ++i)
      file << block;
  }
  auto what = tester.shell("cmp - truth && echo same");
  tester.start(what);
  auto writer = tester.attach(what.id);
  for (int i = 0; i < 10; ++i)
    send_bounded(writer, block);
  writer.send_input_end();
  writer.read_to_end();
  CHECK(writer.all == "same\n");
}

TEST_CASE("session input: one that is not bounded by its sender is held back, and whole") {
  session_tester tester;
  auto gate = tester.agent.folder() / "gate";
  REQUIRE(::mkfifo(gate.c_str(), 0600) == 0);
  auto what = tester.shell("echo up; read -r go < gate; cat > copy; echo over");
  tester.start(what);
  auto writer = tester.attach(what.id), other = tester.attach(what.id);
  writer.read_until("up\n");
  auto bytes = noise(8'000'000);
  std::thread sender{[&] {
    for (std::size_t at = 0; at < bytes.size(); at += SESSION_DATA_MAX)
      writer.connection.send(raw_frame('i', bytes.substr(at, SESSION_DATA_MAX)));
    writer.connection.send(raw_frame('d', {}));
  }};
  writer.wait_taken(900'000); // the queue is about full
  auto pending = wait_for([&] { return writer.step() == 'a' && writer.taken > 1'000'000; });
  CHECK(pending);
  CHECK(writer.taken <= (1U << 20) + (1U << 16)); // and what the pipe holds
  std::ofstream{gate} << "go\n";
  writer.read_to_end();
  sender.join();
  CHECK((read_whole_file(tester.agent.folder() / "copy") == bytes));
  other.read_to_end();
  CHECK(other.all == "up\nover\n");
}

TEST_CASE("session input: a signal and output get through where input waits") {
  session_tester tester;
  auto what = tester.shell("trap 'echo caught' USR1; echo up; sleep 1000 & wait; echo on; wc -c");
  tester.start(what);
  auto writer = tester.attach(what.id), filler = tester.attach(what.id);
  writer.read_until("up\n");
  std::string chunk(SESSION_DATA_MAX, 'x');
  std::uint64_t sent = 0;
  // The queue and the pipe, until less than a frame of the largest size fits.
  for (; sent < (1U << 20); sent += chunk.size()) {
    filler.send_input(chunk);
    filler.wait_taken(sent + chunk.size());
  }
  for (int i = 0; i < SESSION_DATA_MAX / 64; ++i)
    writer.send_input(chunk.substr(0, 64)); // waits
  sent += SESSION_DATA_MAX;
  writer.send_kill(SIGUSR1);
  writer.read_until("caught\n");
  writer.wait_taken(SESSION_DATA_MAX); // it reads now
  writer.send_input_end();
  writer.read_to_end();
  CHECK(writer.all == "up\ncaught\non\n" + std::to_string(sent) + "\n");
}

TEST_CASE("session input: frames of several attaches are never split") {
  session_tester tester;
  auto what = tester.shell("cat > copy");
  tester.start(what);
  constexpr int writers = 4, frames = 100;
  auto work = [&](attachment& to, char letter) {
    for (int i = 0; i < frames; ++i)
      to.connection.send(
          raw_frame('i', std::string(30'000U + static_cast<unsigned>(i), letter) + "\n"));
  };
  std::vector<attachment> connections;
  for (int i = 0; i < writers; ++i)
    connections.push_back(tester.attach(what.id));
  std::vector<std::thread> threads;
  for (int i = 0; i < writers; ++i)
    threads.emplace_back(work, std::ref(connections[static_cast<std::size_t>(i)]),
                         static_cast<char>('a' + i));
  std::uint64_t each = 0;
  for (int i = 0; i < frames; ++i)
    each += 30'001U + static_cast<unsigned>(i);
  for (auto& connection : connections)
    connection.wait_taken(each);
  for (auto& thread : threads)
    thread.join();
  connections.front().send_input_end();
  connections.front().read_to_end();
  std::ifstream copy{tester.agent.folder() / "copy"};
  int lines = 0;
  for (std::string line; std::getline(copy, line); ++lines) {
    REQUIRE(line.size() >= 30'000);
    CHECK(line.find_first_not_of(line.front()) == std::string::npos);
  }
  CHECK(lines == writers * frames);
}

TEST_CASE("session input: a command that does not read ends all the same") {
  session_tester tester;
  auto what = tester.shell("echo up; sleep 1000");
  tester.start(what);
  auto writer = tester.attach(what.id);
  writer.read_until("up\n");
  for (int i = 0; i < 20; ++i)
    writer.send_input(std::string(SESSION_DATA_MAX, 'x'));
  writer.send_kill(SIGTERM);
  writer.read_to_end();
  CHECK(writer.ended->signal == SIGTERM);
}

TEST_CASE("session input: a command that closes its input goes on") {
  session_tester tester;
  auto what = tester.shell("exec 0<&-; echo closed; sleep 1000");
  tester.start(what);
  auto writer = tester.attach(what.id);
  writer.read_until("closed\n");
  while (writer.refused == 0) {
    writer.send_input("x"); // the first one finds out
    REQUIRE(writer.step() != 0);
  }
  writer.send_kill(SIGTERM);
  writer.read_to_end();
  CHECK(writer.ended);
}
