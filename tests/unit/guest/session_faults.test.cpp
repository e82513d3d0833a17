// What may break around a session, and what must go on all the same.
#include "guest/agent_protocol.h"
#include "tests/unit/guest/session_tester.hpp"

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace banger;
using namespace banger::test;
using namespace std::string_literals;

namespace {

int count_descriptors(pid_t pid) {
  int count = 0;
  auto folder = "/proc/" + std::to_string(pid) + "/fd";
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator{folder})
    ++count;
  return count;
}

host::unique_fd listen_on(const std::string& path) {
  host::unique_fd fd{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  void* generic = &address;
  REQUIRE(::bind(fd.get(), static_cast<sockaddr*>(generic), sizeof address) == 0);
  REQUIRE(::listen(fd.get(), 1) == 0);
  return fd;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

/// A tmpfs of a size, as long as this lives.
class small_disk {
public:
  explicit small_disk(std::string path) : path_(std::move(path)) {
    ::mkdir(path_.c_str(), 0700);
    is_there_ = ::mount("none", path_.c_str(), "tmpfs", 0, "size=256k") == 0;
  }
  ~small_disk() {
    if (is_there_)
      ::umount2(path_.c_str(), MNT_DETACH);
  }
  small_disk(const small_disk&) = delete;
  [[nodiscard]] bool is_there() const { return is_there_; }

private:
  std::string path_;
  bool is_there_ = false;
};

} // namespace

TEST_CASE("session faults: it goes on without the agent, and a new agent finds it") {
  session_tester tester;
  auto what = tester.spec({"cat"});
  tester.start(what);
  auto old = tester.attach(what.id);
  old.send_input("before\n");
  old.read_until("before\n");
  tester.agent.kill_and_restart();
  old.send_input("between\n");
  old.read_until("between\n");
  CHECK(value_of(tester.list()[what.id], "state") == "running");
  auto fresh = tester.attach(what.id);
  fresh.send_input("after\n");
  fresh.send_input_end();
  fresh.read_to_end();
  old.read_to_end();
  CHECK(fresh.all == "before\nbetween\nafter\n");
  CHECK(old.all == fresh.all);
  CHECK(old.ended);
}

TEST_CASE("session faults: one whose host is killed is lost, and no other") {
  session_tester tester;
  auto victim = tester.shell("echo up; sleep 1000"), other = tester.spec({"cat"});
  tester.start(victim);
  tester.start(other);
  auto watcher = tester.attach(victim.id);
  watcher.read_until("up\n");
  tester.kill_host(victim.id);
  watcher.read_to_end(); // it served that attach, too
  CHECK(!watcher.ended);
  auto again = tester.attach(victim.id, watcher.next);
  again.read_to_end();
  REQUIRE(again.ended);
  CHECK(again.all.empty());
  CHECK(again.ended->how == session_how_lost);
  CHECK(again.ended->text == "its host was killed");
  auto listed = tester.list();
  CHECK(value_of(listed[victim.id], "state") == "lost");
  CHECK(value_of(listed[victim.id], "text") == "its host was killed");
  CHECK(value_of(listed[other.id], "state") == "running");
  auto late = tester.read_all(victim.id);
  CHECK(late.here.phase == session_phase_lost);
  CHECK(late.all == "up\n"); // what it wrote is still there
  CHECK(tester.start_failure(victim).step == session_step_exists);
  auto living = tester.attach(other.id);
  living.send_input("still here\n");
  living.read_until("still here\n");
  ::kill(-std::atoi(tester.state(victim.id, "pid").c_str()), SIGKILL);
  CHECK(tester.remove(victim.id).type == 'd');
  CHECK(tester.list().size() == 1);
}

TEST_CASE("session faults: a command whose host is killed gets the end of its input") {
  session_tester tester;
  auto what = tester.spec({"cat"});
  auto pid = static_cast<pid_t>(tester.start(what));
  tester.kill_host(what.id);
  CHECK(wait_for([&] { return !is_alive(pid); }));
}

TEST_CASE("session faults: after a reboot an unfinished one is lost, a finished one is not") {
  session_tester tester;
  auto running = tester.shell("echo up; sleep 1000"), over = tester.shell("exit 4");
  auto pid = static_cast<pid_t>(tester.start(running));
  tester.start(over);
  tester.attach(running.id).read_until("up\n");
  REQUIRE(tester.wait_for_state(over.id, "exited"));
  tester.kill_host(running.id);
  for (const auto& id : {running.id, over.id}) {
    auto text = read_whole_file(tester.path(id, "state"));
    auto other_boot = replaced(text, tester.state(id, "boot_id"), "another-boot");
    std::ofstream{tester.path(id, "state")} << other_boot;
  }
  auto listed = tester.list();
  CHECK(value_of(listed[running.id], "state") == "lost");
  CHECK(value_of(listed[running.id], "text") == "the guest was rebooted");
  CHECK(value_of(listed[over.id], "state") == "exited");
  auto reader = tester.read_all(running.id);
  CHECK(reader.all == "up\n");
  CHECK(reader.ended->how == session_how_lost);
  CHECK(reader.ended->text == "the guest was rebooted");
  ::kill(-pid, SIGKILL);
  CHECK(wait_for([&] { return !is_alive(pid); }));
}

TEST_CASE("session faults: a folder without a state file is lost, and can be deleted") {
  session_tester tester;
  auto what = tester.shell("exit 0");
  tester.start(what);
  CHECK(tester.read_all(what.id).ended);
  CHECK(wait_for([&] { return !is_alive(tester.host(what.id)); }));
  ::unlink(tester.path(what.id, "state").c_str());
  ::unlink(tester.path(what.id, "journal").c_str());
  CHECK(value_of(tester.list()[what.id], "state") == "lost");
  CHECK(tester.read_all(what.id).ended->how == session_how_lost);
  CHECK(tester.remove(what.id).type == 'd');
}

TEST_CASE("session faults: the command on a terminal whose host is killed is hung up") {
  session_tester tester;
  auto what = tester.shell("sleep 1000");
  what.flags = SESSION_FLAG_PTY;
  auto pid = static_cast<pid_t>(tester.start(what));
  tester.kill_host(what.id);
  CHECK(wait_for([&] { return !is_alive(pid); }));
}

TEST_CASE("session faults: a start whose daemon vanishes runs once or never, and is never half") {
  session_tester tester;
  std::vector<session_spec> all;
  for (int i = 0; i < 40; ++i) {
    all.push_back(tester.shell("echo run >> runs" + std::to_string(i)));
    auto frame = encode(all.back());
    auto connection = tester.agent.connect();
    connection.send(i % 4 == 0 ? frame.substr(0, frame.size() - 1) : frame);
  }
  for (int i = 0; i < 40; ++i) {
    const auto& what = all[static_cast<std::size_t>(i)];
    auto again = tester.try_start(what); // as a daemon that lost the answer does
    CHECK((again.type == 'S' || again.payload.at(4) == session_step_exists));
    CHECK(tester.read_all(what.id).ended->how == session_how_exited);
    CHECK(read_whole_file(tester.agent.folder() / ("runs" + std::to_string(i))) == "run\n");
  }
}

TEST_CASE("session faults: a damaged journal is told as a gap") {
  session_tester tester;
  auto what = tester.shell("read -r x; echo one; read -r x; echo two; read -r x; echo three");
  tester.start(what);
  auto writer = tester.attach(what.id);
  for (const char* word : {"one\n", "two\n", "three\n"}) {
    writer.send_input("\n");
    writer.read_until(word);
  }
  REQUIRE(tester.wait_for_state(what.id, "exited"));
  std::fstream file{tester.path(what.id, "journal"), std::ios::in | std::ios::out};
  file.seekp(4096 + 24 + 4); // the header of the second record
  file << std::string(24, '\xee') << std::flush;
  auto reader = tester.read_all(what.id);
  CHECK(reader.all == "one\n");
  CHECK(reader.gaps.size() == 1);
  CHECK(reader.next == 14);
  CHECK(reader.ended->code == 0);
  std::ofstream{tester.path(what.id, "journal")} << "no journal";
  reader = tester.read_all(what.id);
  CHECK(reader.all.empty());
  CHECK(reader.ended);
}

TEST_CASE("session faults: a session whose folder is removed ends with its command") {
  session_tester tester;
  auto what = tester.shell("echo up; read -r x");
  tester.start(what);
  auto writer = tester.attach(what.id);
  writer.read_until("up\n");
  auto host = tester.host(what.id);
  std::filesystem::remove_all(tester.path(what.id, ""));
  writer.send_input("\n");
  CHECK(wait_for([&] { return !is_alive(host); }));
}

TEST_CASE("session faults: rubbish of any kind ends its connection at most") {
  session_tester tester;
  auto what = tester.spec({"cat"});
  tester.start(what);
  std::mt19937 random{99};
  for (int i = 0; i < 80; ++i) {
    auto bytes = raw_frame("icdwk"[random() % 5], std::string(random() % 40, 'x'));
    for (auto changes = random() % 4; changes > 0; --changes)
      bytes[random() % bytes.size()] = static_cast<char>(random() % 256);
    auto first = encode(tester.spec({"true"}));
    first[random() % first.size()] = static_cast<char>(random() % 256);
    tester.agent.connect().send(first);
    tester.attach(what.id).connection.send(bytes + bytes);
  }
  auto fresh = tester.spec({"echo", "fine"});
  tester.start(fresh);
  CHECK(tester.read_all(fresh.id).all == "fine\n");
}

TEST_CASE("session faults: malformed frames close their connection and hurt nobody else") {
  session_tester tester;
  auto what = tester.spec({"cat"});
  tester.start(what);
  auto good = encode(tester.spec({"true"})).substr(5);
  auto version = "\0\1"s, id = what.id;
  auto attach = version + id + std::string(8, '\0') + std::string(4, '\0') + std::string(8, '\7');
  auto wrong = [](std::string payload) { return payload[1] = '\2', payload; };
  std::vector<std::string> bad{
      raw_frame('N', good.substr(0, good.size() - 1)),
      raw_frame('N', good + "x"),
      raw_frame('N', wrong(good)),
      raw_frame('N', {}),
      "N\xff\xff\xff\xff",
      "A\0\0\1\0"s,
      raw_frame('A', wrong(attach)),
      raw_frame('A', replaced(attach, id, "0000/../0000")),
      raw_frame('A', replaced(attach, id, "00000000000A")),
      raw_frame('L', wrong(version)),
      raw_frame('L', "x"),
      raw_frame('D', wrong(version + id)),
      raw_frame('D', version + "../../../etc"),
  };
  for (const auto& bytes : bad) {
    CAPTURE(bytes);
    auto connection = tester.agent.connect();
    connection.send(bytes);
    CHECK(connection.read_to_end().empty());
  }
  std::vector<std::string> bad_later{
      raw_frame('Q', "abcd"),
      raw_frame('c', "abcd"),
      raw_frame('w', "abc"),
      raw_frame('k', "\0\0\0\0"s),
      raw_frame('k', "\0\0\0\x41"s),
      raw_frame('d', "x"),
      "i\0\1\0\1"s,
  };
  for (const auto& bytes : bad_later) {
    CAPTURE(bytes);
    auto reader = tester.attach(id);
    reader.connection.send(bytes);
    reader.read_to_end();
    CHECK(!reader.ended);
  }
  auto read_only = tester.attach(id, 0, SESSION_FLAG_READ_ONLY);
  read_only.send_input("x");
  read_only.read_to_end();
  CHECK(!read_only.ended);
  auto reader = tester.attach(id);
  reader.send_input("fine\n");
  reader.read_until("fine\n");
  CHECK(reader.all == "fine\n");
}

TEST_CASE("session faults: half a frame of an attach that vanishes is no input") {
  session_tester tester;
  auto what = tester.spec({"cat"});
  tester.start(what);
  auto stays = tester.attach(what.id);
  {
    auto vanishes = tester.attach(what.id);
    vanishes.send_input("whole\n");
    vanishes.wait_taken(6);
    vanishes.connection.send(raw_frame('i', "half of it").substr(0, 9));
  }
  stays.send_input("next\n");
  stays.send_input_end();
  stays.read_to_end();
  CHECK(stays.all == "whole\nnext\n");
}

TEST_CASE("session faults: 200 attaches leave no descriptor behind, in the agent or the host") {
  session_tester tester;
  const int agent_count = count_descriptors(tester.agent.pid());
  auto what = tester.spec({"cat"});
  tester.start(what);
  auto attach_once = [&] {
    auto reader = tester.attach(what.id, SESSION_FROM_END);
    reader.send_window(10, 10);
    reader.send_input("x");
    reader.read_until("x");
  };
  attach_once();
  auto host = tester.host(what.id);
  auto is_settled = [&] {
    return count_descriptors(tester.agent.pid()) == agent_count && count_descriptors(host) == 10;
  };
  REQUIRE(wait_for(is_settled));
  for (int i = 0; i < 200; ++i)
    attach_once();
  CHECK(wait_for(is_settled));
}

TEST_CASE("session faults: one attach too many is refused, and there is room again later") {
  session_tester tester;
  auto what = tester.spec({"cat"});
  tester.start(what);
  std::vector<attachment> readers;
  for (int i = 0; i < BANGER_MAX_ATTACHES; ++i)
    readers.push_back(tester.attach(what.id));
  auto refused = tester.attach(what.id);
  REQUIRE(refused.failed);
  CHECK(refused.failed->error == EAGAIN);
  CHECK(refused.failed->step == session_step_limit);
  readers.front().send_input("to all\n");
  for (auto& reader : readers)
    reader.read_until("to all\n");
  readers.clear();
  CHECK(wait_for([&] { return !tester.attach(what.id).failed; }));
}

TEST_CASE("session faults: one session too many is refused; those of killed hosts do not count") {
  session_tester tester;
  auto first = tester.shell("exit 0");
  tester.start(first);
  REQUIRE(tester.wait_for_state(first.id, "exited"));
  std::vector<host::unique_fd> sockets;
  for (int i = 0; i < BANGER_MAX_SESSIONS; ++i) {
    auto id = "aaaaaaaaa" + std::to_string(100 + i);
    sockets.push_back(listen_on(tester.agent.folder() / ("run/" + id + ".sock")));
  }
  auto what = tester.shell("exit 0");
  auto failed = tester.start_failure(what);
  CHECK(failed.step == session_step_limit);
  CHECK(failed.error == EAGAIN);
  CHECK(tester.list().count(what.id) == 0);
  sockets.clear();
  CHECK(tester.start(what) > 1);
}

TEST_CASE("session faults: output that the disk has no room for is told as a gap") {
  session_tester tester;
  small_disk disk{tester.agent.folder() / "sessions"};
  if (!disk.is_there()) {
    MESSAGE("no file system can be mounted here");
    return;
  }
  auto what = tester.shell("printf begin; read -r x; yes 1234567 | head -c 1000000; printf middle; "
                           "read -r x; printf end");
  tester.start(what);
  std::ofstream{tester.agent.folder() / "sessions/ballast"} << std::string(100'000, 'x');
  auto writer = tester.attach(what.id);
  writer.read_until("begin");
  writer.send_input("\n");
  writer.send_input("\n"); // taken, as the command is not held up
  writer.wait_taken(2);
  std::uint64_t total = 5 + 1'000'000 + 6 + 3;
  auto pid = std::atoi(tester.state(what.id, "pid").c_str());
  CHECK(wait_for([&] { return !is_alive(pid); }));
  CHECK(tester.wait_for_state(what.id, "exited")); // full as it is
  std::filesystem::remove(tester.agent.folder() / "sessions/ballast");
  writer.read_to_end();
  REQUIRE(writer.ended);
  CHECK(writer.ended->offset == total);
  CHECK(writer.next == total);
  CHECK(!writer.gaps.empty());
  std::string truth = "begin";
  while (truth.size() < 5 + 1'000'000)
    truth += "1234567\n";
  truth += "middleend";
  for (const auto& [offset, bytes] : writer.pieces)
    CHECK((truth.substr(offset, bytes.size()) == bytes));
}

TEST_CASE("session faults: a journal that may not grow keeps what it has, and the end is told") {
  session_tester tester;
  auto what = tester.shell("read -r x; yes 1234567 | head -c 1000000; exit 9");
  rlimit limit{100'000, 100'000};
  REQUIRE(::prlimit(tester.agent.pid(), RLIMIT_FSIZE, &limit, nullptr) == 0);
  tester.start(what);
  auto writer = tester.attach(what.id);
  writer.send_input("\n");
  writer.read_to_end();
  REQUIRE(writer.ended);
  CHECK(writer.ended->code == 9);
  CHECK(writer.next == 1'000'000U);
  CHECK(!writer.gaps.empty());
  CHECK(writer.pieces[0].size() > 30'000);
  CHECK(tester.wait_for_state(what.id, "exited"));
  CHECK(tester.state(what.id, "end_offset") == "1000000");
}
