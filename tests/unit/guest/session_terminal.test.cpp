#include "tests/unit/guest/session_tester.hpp"

#include <csignal>
#include <fstream>

using namespace banger;
using namespace banger::test;

namespace {

session_spec terminal(session_tester& tester, const std::string& script) {
  auto what = tester.shell(script);
  what.flags = SESSION_FLAG_PTY;
  what.rows = 30;
  what.columns = 100;
  return what;
}

} // namespace

TEST_CASE("session terminal: it is the command's controlling one, of the size asked for") {
  session_tester tester;
  auto what = terminal(tester, "test -t 0 && test -t 1 && test -t 2 && echo all; stty size; "
                               "echo err > /dev/tty");
  tester.start(what);
  auto reader = tester.read_all(what.id);
  CHECK(reader.all == "all\r\n30 100\r\nerr\r\n");
  CHECK(reader.error_output.empty());
  CHECK(reader.ended->code == 0);
}

TEST_CASE("session terminal: it echoes, and its end-of-file character ends the input") {
  session_tester tester;
  auto what = terminal(tester, "echo up; cat; echo over");
  tester.start(what);
  auto writer = tester.attach(what.id);
  writer.read_until("up\r\n");
  writer.send_input("hello\n");
  writer.read_until("hello\r\nhello\r\n");
  writer.send_input_end();
  writer.read_to_end();
  CHECK(writer.all == "up\r\nhello\r\nhello\r\nover\r\n");
}

// In both a shell waits for a child in the background: it acts on a signal whenever that comes. One
// that is about to start a child, or to read, would act on it only behind that.
TEST_CASE("session terminal: ^C is a signal to the foreground") {
  session_tester tester;
  auto what = terminal(tester, "trap 'echo caught; exit 5' INT; sleep 1000 & echo up; wait");
  tester.start(what);
  auto writer = tester.attach(what.id);
  writer.read_until("up\r\n");
  writer.send_input("\x03");
  writer.read_to_end();
  CHECK(writer.all.find("caught\r\n") != std::string::npos);
  CHECK(writer.ended->code == 5);
}

TEST_CASE("session terminal: a new size is seen, and signalled; the last of a storm counts") {
  session_tester tester;
  auto what =
      terminal(tester, "trap 'stty size' WINCH; sleep 1000 & echo up; while :; do wait; done");
  tester.start(what);
  auto writer = tester.attach(what.id);
  writer.read_until("up\r\n");
  writer.send_window(41, 132);
  writer.read_until("41 132\r\n");
  for (std::uint16_t i = 1; i <= 5000; ++i)
    writer.send_window(i, 77);
  writer.read_until("5000 77\r\n");
}

TEST_CASE("session terminal: a signal frame reaches the command") {
  session_tester tester;
  auto what = terminal(tester, "echo up; sleep 1000");
  tester.start(what);
  auto writer = tester.attach(what.id);
  writer.read_until("up\r\n");
  writer.send_kill(SIGTERM);
  writer.read_to_end();
  CHECK(writer.ended->how == session_how_signalled);
  CHECK(writer.ended->signal == SIGTERM);
}

TEST_CASE("session terminal: ten thousand pasted lines arrive whole") {
  session_tester tester;
  auto what = terminal(tester, "stty -echo; echo up; cat > pasted; echo over");
  tester.start(what);
  auto writer = tester.attach(what.id);
  writer.read_until("up\r\n");
  std::string text;
  for (int i = 0; i < 10'000; ++i)
    text += "line number " + std::to_string(i) + " of the paste\n";
  for (std::size_t at = 0; at < text.size(); at += 5000)
    writer.send_input(text.substr(at, 5000));
  writer.send_input_end();
  writer.read_to_end();
  CHECK((read_whole_file(tester.agent.folder() / "pasted") == text));
}

TEST_CASE("session terminal: what is written right before the exit is kept") {
  session_tester tester;
  for (int i = 0; i < 20; ++i) {
    auto what = terminal(tester, "seq 1 5000; printf last");
    tester.start(what);
    auto reader = tester.read_all(what.id);
    CHECK(reader.all.ends_with("5000\r\nlast"));
    CHECK(reader.ended->offset == reader.all.size());
  }
}
