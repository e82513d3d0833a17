#include "tests/unit/guest/session_tester.hpp"

#include <cerrno>
#include <csignal>
#include <fstream>
#include <sys/stat.h>

using namespace banger;
using namespace banger::test;
using namespace std::string_literals;

TEST_CASE("session: its output, both streams, its end and its offsets come to a later attach") {
  session_tester tester;
  auto what = tester.shell("echo out; echo err >&2; exit 7");
  CHECK(tester.start(what) > 1);
  auto reader = tester.read_all(what.id);
  CHECK(reader.output == "out\n");
  CHECK(reader.error_output == "err\n");
  CHECK(reader.ended->how == session_how_exited);
  CHECK(reader.ended->code == 7);
  CHECK(reader.ended->signal == 0);
  CHECK(reader.ended->offset == 8);
  CHECK(reader.ended->at_ms > 0);
  CHECK(reader.next == 8);
  CHECK(tester.wait_for_state(what.id, "exited"));
  CHECK(tester.state(what.id, "exit_code") == "7");
  CHECK(tester.state(what.id, "end_offset") == "8");
  CHECK(wait_for([&] { return !is_alive(tester.host(what.id)); }));
  CHECK(tester.read_all(what.id).all == reader.all); // without a host, too
}

TEST_CASE("session: a deadly signal is told apart from an exit code") {
  session_tester tester;
  auto what = tester.shell("kill -KILL $$");
  tester.start(what);
  auto reader = tester.read_all(what.id);
  CHECK(reader.ended->how == session_how_signalled);
  CHECK(reader.ended->code == 0);
  CHECK(reader.ended->signal == SIGKILL);
}

TEST_CASE("session: an attach from any offset gets exactly the rest") {
  session_tester tester;
  auto what = tester.shell("printf 0123456789; printf abc >&2");
  tester.start(what);
  auto all = tester.read_all(what.id).all;
  REQUIRE(all.size() == 13);
  for (std::uint64_t from = 0; from <= all.size(); ++from) {
    auto reader = tester.attach(what.id, from);
    CHECK(reader.here.end == all.size());
    reader.read_to_end();
    CHECK(reader.all == all.substr(from));
    CHECK(reader.ended);
  }
  auto beyond = tester.attach(what.id, 1000);
  CHECK(beyond.here.end == all.size());
  CHECK(beyond.here.start == all.size());
  beyond.read_to_end();
  CHECK(beyond.all.empty());
  CHECK(beyond.ended);
}

TEST_CASE("session: an attach to what is new gets nothing old") {
  session_tester tester;
  auto what = tester.spec({"cat"});
  tester.start(what);
  auto first = tester.attach(what.id);
  first.send_input("old\n");
  first.read_until("old\n");
  auto second = tester.attach(what.id, SESSION_FROM_END);
  CHECK(second.here.end == 4);
  first.send_input("new\n");
  second.read_until("new\n");
  CHECK(second.all == "new\n");
}

TEST_CASE("session: an attach to the last few bytes gets those") {
  session_tester tester;
  auto what = tester.shell("printf 0123456789; sleep 0.05; printf abc");
  tester.start(what);
  auto all = tester.read_all(what.id).all;
  REQUIRE(all == "0123456789abc");
  for (std::uint64_t last : {0U, 1U, 3U, 4U, 13U, 14U}) {
    auto reader = tester.attach(what.id, last, SESSION_FLAG_FROM_LAST);
    const auto count = std::min<std::uint64_t>(last, all.size());
    CHECK(reader.here.start == all.size() - count);
    reader.read_to_end();
    CHECK(reader.all == all.substr(all.size() - count));
  }
}

TEST_CASE("session: an attach to what came since a time gets whole pieces") {
  session_tester tester;
  auto what = tester.shell("printf early; sleep 0.2; date +%s%3N >&2; sleep 0.2; printf late");
  tester.start(what);
  auto whole = tester.read_all(what.id);
  const auto middle = std::stoull(whole.error_output);
  auto reader = tester.attach(what.id, middle + 1, SESSION_FLAG_FROM_TIME);
  reader.read_to_end();
  CHECK(reader.output == "late");
  auto before = tester.attach(what.id, middle - 1, SESSION_FLAG_FROM_TIME);
  before.read_to_end();
  CHECK(before.output == "late");
  CHECK(before.error_output == whole.error_output);
  auto ever = tester.attach(what.id, 0, SESSION_FLAG_FROM_TIME);
  ever.read_to_end();
  CHECK(ever.all == whole.all);
  auto never = tester.attach(what.id, middle + 3'600'000, SESSION_FLAG_FROM_TIME);
  CHECK(never.here.start == whole.all.size());
  never.read_to_end();
  CHECK(never.all.empty());
}

TEST_CASE("session: an attach to the end alone gets no output, without credit") {
  session_tester tester;
  auto what = tester.shell("head -c 100000 /dev/zero; cat; exit 7");
  tester.start(what);
  auto watcher = tester.attach(what.id, 0, SESSION_FLAG_STATUS_ONLY, 0);
  CHECK(watcher.here.phase == session_phase_running);
  watcher.send_input("x");
  watcher.send_input_end();
  watcher.read_to_end();
  CHECK(watcher.all.empty());
  CHECK(watcher.taken == 1);
  REQUIRE(watcher.ended);
  CHECK(watcher.ended->code == 7);
  CHECK(watcher.ended->offset == 100'001);
  auto late = tester.attach(what.id, 0, SESSION_FLAG_STATUS_ONLY, 0);
  late.read_to_end();
  CHECK(late.ended->code == 7);
}

TEST_CASE("session: input reaches the command, its end too, and is acknowledged") {
  session_tester tester;
  auto what = tester.shell("cat; echo done");
  tester.start(what);
  auto writer = tester.attach(what.id);
  writer.send_input("zero\0byte\n"s);
  writer.wait_taken(10);
  writer.send_input_end();
  writer.read_to_end();
  CHECK(writer.all == "zero\0byte\ndone\n"s);
  CHECK(writer.refused == 0);
}

TEST_CASE("session: input behind the end of input, or the end of the command, is refused") {
  session_tester tester;
  auto what = tester.shell("cat; sleep 1000");
  tester.start(what);
  auto writer = tester.attach(what.id);
  writer.send_input_end();
  writer.send_input("late");
  writer.wait_refused();
  writer.send_kill(SIGKILL);
  writer.read_to_end();
  CHECK(writer.ended->signal == SIGKILL);
  auto closed = tester.shell("read -r line || echo none; sleep 1000");
  closed.flags = SESSION_FLAG_STDIN_CLOSED;
  tester.start(closed);
  auto other = tester.attach(closed.id);
  other.read_until("none\n");
  other.send_input("x");
  other.wait_refused();
}

TEST_CASE("session: input after its end is refused before the connection closes, or not at all") {
  session_tester tester;
  auto what = tester.shell("exit 0");
  tester.start(what);
  CHECK(wait_for([&] { return !is_alive(tester.host(what.id)); }));
  auto writer = tester.attach(what.id, 0, 0, 0);
  writer.send_input("x");
  writer.read_to_end();
  CHECK(writer.ended);
}

TEST_CASE("session: what cannot start is told with its step, in the reply and for later") {
  session_tester tester;
  struct expectation {
    session_spec what;
    int step, error;
    std::string name;
  };
  auto plain = tester.agent.folder() / "plain";
  std::ofstream{plain} << "no program\n";
  std::vector<expectation> all{
      {tester.spec({"/no/such/program"}), session_step_exec, ENOENT, "exec"},
      {tester.spec({"no-such-program"}), session_step_exec, ENOENT, "exec"},
      {tester.spec({plain}), session_step_exec, EACCES, "exec"},
      {tester.spec({"true"}), session_step_cwd, ENOENT, "cwd"},
      {tester.spec({"true"}), session_step_cwd, ENOTDIR, "cwd"},
      {tester.spec({"true"}), session_step_require, ENOENT, "require"},
  };
  all[3].what.cwd = "/no/such/folder";
  all[4].what.cwd = plain;
  all[5].what.required = {"sh", "no-such-tool"};
  for (const auto& x : all) {
    CAPTURE(x.name);
    auto failed = tester.start_failure(x.what);
    CHECK(failed.step == x.step);
    CHECK(failed.error == static_cast<std::uint32_t>(x.error));
    CHECK(!failed.text.empty());
    auto listed = tester.list()[x.what.id];
    CHECK(value_of(listed, "state") == "failed");
    CHECK(value_of(listed, "step") == x.name);
    CHECK(value_of(listed, "text") == failed.text);
    auto reader = tester.read_all(x.what.id);
    CHECK(reader.here.phase == session_phase_failed);
    CHECK(reader.ended->how == session_how_failed);
    CHECK(reader.ended->code == static_cast<std::uint32_t>(x.error));
    CHECK(reader.ended->text == failed.text);
    CHECK(wait_for([&] { return !is_alive(tester.host(x.what.id)); }));
    CHECK(tester.remove(x.what.id).type == 'd');
  }
  auto good = tester.spec({"true"});
  good.required = {"sh", "cat", "/bin/sh"};
  CHECK(tester.start(good) > 1);
}

TEST_CASE("session: a repeated start never runs the command twice") {
  session_tester tester;
  auto what = tester.shell("echo run >> runs; cat");
  tester.start(what);
  for (int i = 0; i < 5; ++i) {
    auto failed = tester.start_failure(what);
    CHECK(failed.step == session_step_exists);
    CHECK(failed.error == EEXIST);
  }
  auto writer = tester.attach(what.id);
  writer.send_input_end();
  writer.read_to_end();
  CHECK(tester.start_failure(what).step == session_step_exists);
  CHECK(read_whole_file(tester.agent.folder() / "runs") == "run\n");
}

TEST_CASE("session: two starts with the same ID at once run one command") {
  session_tester tester;
  auto what = tester.shell("echo run >> runs");
  std::vector<agent_connection> connections;
  for (int i = 0; i < 8; ++i)
    connections.push_back(tester.agent.connect());
  for (auto& connection : connections)
    connection.send(encode(what));
  int started = 0;
  for (auto& connection : connections)
    started += connection.read_frame().type == 'S' ? 1 : 0;
  CHECK(started == 1);
  CHECK(tester.read_all(what.id).ended);
  CHECK(read_whole_file(tester.agent.folder() / "runs") == "run\n");
}

TEST_CASE("session: environment, folder, arguments and the files it leaves") {
  session_tester tester;
  auto what = tester.spec(
      {"sh", "-c", "echo $GREETING $HOME; pwd; printf '<%s>' \"$@\"", "x", "two words", "", "*"});
  what.env = {"GREETING=hello"};
  tester.start(what);
  auto reader = tester.read_all(what.id);
  CHECK(reader.all == "hello /root\n" + tester.agent.folder().path() + "\n<two words><><*>");
  auto frame = encode(what);
  CHECK(read_whole_file(tester.path(what.id, "spec")) == frame.substr(5));
  struct stat info {};
  REQUIRE(::stat(tester.path(what.id, "").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777U) == 0700U);
}

TEST_CASE("session: the command inherits no descriptors, no signals; the host keeps none either") {
  session_tester tester;
  auto what = tester.shell("ls /proc/self/fd; grep -E 'SigBlk|SigIgn' /proc/self/status; umask; "
                           "cut -d' ' -f5,6 /proc/$$/stat; echo $$; cat");
  tester.start(what);
  auto reader = tester.attach(what.id);
  auto pid = tester.state(what.id, "pid");
  auto expected = "0\n1\n2\n3\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n0022\n" + pid +
                  " " + pid + "\n" + pid + "\n";
  reader.read_until_size(expected.size());
  CHECK(reader.all == expected);
  auto host = "/proc/" + std::to_string(tester.host(what.id));
  CHECK(read_whole_file(host + "/comm") == "banger-session\n");
  int count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator{host + "/fd"})
    ++count;
  // Standard ones, folder, journal, socket, signals, the command's three pipes, and of the attach
  // its connection, and what tells the agent of its end.
  CHECK(count == 12);
}

TEST_CASE("session: list and delete") {
  session_tester tester;
  CHECK(tester.list().empty());
  auto running = tester.spec({"cat"}), over = tester.shell("exit 3");
  tester.start(running);
  tester.start(over);
  CHECK(tester.read_all(over.id).ended);
  REQUIRE(tester.wait_for_state(over.id, "exited"));
  auto all = tester.list();
  CHECK(all.size() == 2);
  CHECK(value_of(all[running.id], "state") == "running");
  CHECK(value_of(all[over.id], "state") == "exited");
  CHECK(value_of(all[over.id], "exit_code") == "3");
  CHECK(tester.remove(running.id).type == 'F');
  CHECK(tester.remove(over.id).type == 'd');
  CHECK(tester.remove(over.id).type == 'd');
  CHECK(tester.list().size() == 1);
  CHECK(tester.attach(over.id).failed->error == ENOENT);
  CHECK(tester.start(over) > 1); // the ID is free again
}

TEST_CASE("session: an attach that is not to follow says what there is, and where that ends") {
  session_tester tester;
  auto what = tester.shell("echo one; cat");
  tester.start(what);
  auto follower = tester.attach(what.id);
  follower.read_until("one\n");
  auto reader = tester.attach(what.id, 0, SESSION_FLAG_NO_FOLLOW);
  reader.read_to_end();
  CHECK(reader.all == "one\n");
  CHECK(reader.quiet == 4U);
  CHECK(!reader.ended);
  follower.send_input_end();
  follower.read_to_end();
  auto late = tester.attach(what.id, 0, SESSION_FLAG_NO_FOLLOW);
  late.read_to_end();
  CHECK(late.ended);
}
