#include "guest/agent_protocol.h"
#include "tests/unit/guest/agent_tester.hpp"

#include <cerrno>
#include <csignal>
#include <fstream>
#include <sys/stat.h>

using namespace banger;
using namespace banger::test;
using namespace std::string_literals;

namespace {

/// errno of an 'F' frame.
int error_of(const agent_connection::frame& failed) {
  REQUIRE(failed.type == 'F');
  REQUIRE(failed.payload.size() > 4);
  return static_cast<unsigned char>(failed.payload[3]);
}

/// The first reply to a command that is not to start.
agent_connection::frame first_reply(agent_tester& agent, const core::agent::command& what) {
  running_command command{agent, what};
  return command.control.read_frame();
}

} // namespace

TEST_CASE("agent: arguments reach the command byte for byte") {
  agent_tester agent;
  std::vector<std::string> arguments{"two words",   "",           "\"quoted\" 'too'",
                                     "line\nbreak", "$HOME `id`", "\xff\xfe\x80",
                                     "*",           "-n",         "back\\slash"};
  std::vector<std::string> argv{"/usr/bin/printf", "%s\\0"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  std::string expected;
  for (const auto& argument : arguments)
    expected += argument + '\0';
  CHECK(agent.run(agent.command(argv)).output == expected);
}

TEST_CASE("agent: a command gets the base environment, and what the request adds or replaces") {
  agent_tester agent;
  auto what = agent.command({"env"});
  what.env = {"GREETING=hello world", "LANG=de_DE.UTF-8"};
  auto output = "\n" + agent.run(what).output;
  CHECK(output.find("\nGREETING=hello world\n") != std::string::npos);
  CHECK(output.find("\nLANG=de_DE.UTF-8\n") != std::string::npos);
  CHECK(output.find("\nLANG=C.UTF-8\n") == std::string::npos);
  CHECK(output.find("\nHOME=/root\n") != std::string::npos);
  CHECK(output.find("\nBANGER_TEST_AGENT=") == std::string::npos);
}

TEST_CASE("agent: a program is looked for in the PATH of the request") {
  agent_tester agent;
  auto program = agent.folder() / "only-here";
  std::ofstream{program} << "echo found\n"; // no "#!": /bin/sh runs it, as execvp(3) would
  ::chmod(program.c_str(), 0755);
  auto what = agent.command({"only-here"});
  what.env = {"PATH=/nowhere:" + agent.folder().path()};
  CHECK(agent.run(what).output == "found\n");
  CHECK(error_of(first_reply(agent, agent.command({"only-here"}))) == ENOENT);
}

TEST_CASE("agent: the command runs in the folder asked for") {
  agent_tester agent;
  CHECK(agent.run(agent.command({"pwd"})).output == agent.folder().path() + "\n");
}

TEST_CASE("agent: the end of the input reaches the command, and its output still comes") {
  agent_tester agent;
  auto result = agent.run(agent.command({"sh", "-c", "wc -c; echo done"}), "12345");
  CHECK(result.output == "5\ndone\n");
}

TEST_CASE("agent: bytes right behind the first frame are the command's input") {
  agent_tester agent;
  auto what = agent.command({"cat"});
  auto stdio = agent.connect(), error_output = agent.connect(), control = agent.connect();
  stdio.send(core::agent::stdio_frame(what.token) + "early bird\n");
  stdio.shut_down_writing();
  error_output.send(core::agent::stderr_frame(what.token));
  control.send(core::agent::exec_frame(what));
  CHECK(stdio.read_to_end() == "early bird\n");
}

TEST_CASE("agent: the three connections may come in any order, and in pieces") {
  agent_tester agent;
  auto what = agent.command({"sh", "-c", "echo out; echo err >&2"});
  auto control = agent.connect(), stdio = agent.connect(), error_output = agent.connect();
  error_output.send(core::agent::stderr_frame(what.token));
  for (char byte : core::agent::exec_frame(what))
    control.send({&byte, 1});
  auto frame = core::agent::stdio_frame(what.token);
  stdio.send(frame.substr(0, 7));
  stdio.send(frame.substr(7));
  CHECK(stdio.read_to_end() == "out\n");
  CHECK(error_output.read_to_end() == "err\n");
}

TEST_CASE("agent: 64 MiB pass through a command unchanged") {
  agent_tester agent;
  auto bytes = noise(64U << 20);
  auto result = agent.run(agent.command({"cat"}), bytes);
  CHECK(result.output.size() == bytes.size());
  CHECK((result.output == bytes)); // in brackets: a failure need not print it
}

TEST_CASE("agent: standard error goes with the output where the request says so") {
  agent_tester agent;
  auto what = agent.command({"sh", "-c", "echo out; echo err >&2"});
  auto exec = core::agent::exec_frame(what);
  exec[BANGER_FRAME_HEADER_SIZE + BANGER_TOKEN_SIZE + 3] = BANGER_EXEC_MERGE_STDERR;
  auto control = agent.connect(), stdio = agent.connect();
  control.send(exec);
  stdio.send(core::agent::stdio_frame(what.token));
  CHECK(stdio.read_to_end() == "out\nerr\n");
}

TEST_CASE("agent: exit codes and deadly signals are told apart") {
  agent_tester agent;
  auto exited = agent.run(agent.command({"sh", "-c", "exit 43"})).end;
  CHECK(exited.exit_code == 43);
  CHECK(exited.signal == 0);
  auto killed = agent.run(agent.command({"sh", "-c", "kill -KILL $$"})).end;
  CHECK(killed.exit_code == 0);
  CHECK(killed.signal == SIGKILL);
}

TEST_CASE("agent: a signal goes to the whole process group") {
  agent_tester agent;
  auto what = agent.command({"sh", "-c", "trap 'echo caught; exit 5' INT; echo up; cat & wait"});
  running_command command{agent, what};
  command.wait_started();
  CHECK(command.stdio.read_exactly(3) == "up\n");
  command.send_signal(SIGINT);
  CHECK(command.wait_ended().exit_code == 5);
  command.stdio.shut_down_writing(); // a background cat ignores SIGINT: POSIX has it so
  CHECK(command.stdio.read_to_end() == "caught\n");
}

TEST_CASE("agent: what cannot start is said with its errno") {
  agent_tester agent;
  CHECK(error_of(first_reply(agent, agent.command({"/no/such/program"}))) == ENOENT);
  CHECK(error_of(first_reply(agent, agent.command({""}))) == ENOENT);
  CHECK(error_of(first_reply(agent, agent.command({agent.folder().path()}))) == EACCES);
  auto lost = agent.command({"true"});
  lost.cwd = "/no/such/folder";
  auto failed = first_reply(agent, lost);
  CHECK(error_of(failed) == ENOENT);
  CHECK(failed.payload.substr(4).starts_with("enter /no/such/folder: "));
}

TEST_CASE("agent: the end of the command is told while its background process goes on") {
  agent_tester agent;
  // The cat in the background holds standard input and output open until we end its input.
  auto what = agent.command({"sh", "-c", "exec 3<&0; cat <&3 & exit 3"});
  running_command command{agent, what};
  command.wait_started();
  CHECK(command.wait_ended().exit_code == 3);
  command.stdio.send("still there");
  command.stdio.shut_down_writing();
  CHECK(command.stdio.read_to_end() == "still there");
}

TEST_CASE("agent: a command ends with its control connection") {
  agent_tester agent;
  running_command command{agent, agent.command({"sh", "-c", "echo up; sleep 1000 & wait"})};
  command.wait_started();
  CHECK(command.stdio.read_exactly(3) == "up\n");
  command.control.close();
  CHECK(command.stdio.read_to_end().empty()); // both it and the sleep are gone
}

TEST_CASE("agent: a command that ignores SIGTERM is killed once its control is gone") {
  agent_tester agent;
  auto what = agent.command({"sh", "-c", "trap '' TERM HUP; echo up; sleep 1000 & wait; wait"});
  running_command command{agent, what};
  command.wait_started();
  CHECK(command.stdio.read_exactly(3) == "up\n");
  command.control.close();
  CHECK(command.stdio.read_to_end().empty());
}

TEST_CASE("agent: a command inherits no descriptors, no blocked and no ignored signals") {
  agent_tester agent;
  // 3 is the folder that ls lists.
  CHECK(agent.run(agent.command({"ls", "/proc/self/fd"})).output == "0\n1\n2\n3\n");
  auto signals = agent.run(agent.command({"grep", "-E", "SigBlk|SigIgn", "/proc/self/status"}));
  CHECK(signals.output == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  CHECK(agent.run(agent.command({"sh", "-c", "umask"})).output == "0022\n");
}

TEST_CASE("agent: a command leads a session of its own") {
  agent_tester agent;
  running_command command{agent, agent.command({"sh", "-c", "cut -d' ' -f5,6 /proc/$$/stat"})};
  auto pid = std::to_string(command.wait_started());
  CHECK(command.stdio.read_to_end() == pid + " " + pid + "\n");
}

TEST_CASE("agent: malformed first frames close the connection and hurt nobody else") {
  agent_tester agent;
  auto token = std::string(BANGER_TOKEN_SIZE, 'x');
  auto number = [](unsigned char x) { return "\0\0\0"s + static_cast<char>(x); };
  auto huge = "\xff\xff\xff\xff"s;
  std::vector<std::string> bad{
      "GET / HTTP/1.1\r\n\r\n",
      raw_frame('I', "short"),
      raw_frame('I', token + "more"),
      "X"s + huge,
      raw_frame('X', token),
      raw_frame('X', token + number(0) + "/\0"s + number(0) + number(0)),          // no argument
      raw_frame('X', token + number(8) + "/\0"s + number(1) + "a\0"s + number(0)), // unknown flag
      raw_frame('X', token + number(0) + "/\0"s + huge + "a\0"s),
      raw_frame('X', token + number(0) + "/\0"s + number(1) + "no end"),
      raw_frame('X', token + number(0) + "/\0"s + number(1) + "a\0"s + number(1) + "NOVALUE\0"s),
      raw_frame('X', token + number(0) + "/\0"s + number(1) + "a\0"s + number(0) + "rest"),
  };
  for (const auto& bytes : bad) {
    CAPTURE(bytes);
    auto connection = agent.connect();
    connection.send(bytes);
    CHECK(connection.read_to_end().empty());
  }
  CHECK(agent.run(agent.command({"echo", "fine"})).output == "fine\n");
}

TEST_CASE("agent: garbage on a control connection ends the command") {
  agent_tester agent;
  running_command command{agent, agent.command({"sleep", "1000"})};
  command.wait_started();
  command.control.send(raw_frame('Q', "abcd"));
  CHECK(command.control.read_frame().type == 0);
  CHECK(command.stdio.read_to_end().empty());
}

TEST_CASE("agent: a second connection with a waiting token is refused") {
  agent_tester agent;
  auto what = agent.command({"true"});
  auto first = agent.connect(), second = agent.connect();
  first.send(core::agent::stdio_frame(what.token));
  // The agent answers nothing yet; a whole other command proves that it has read the first.
  CHECK(agent.run(agent.command({"true"})).end.exit_code == 0);
  second.send(core::agent::stdio_frame(what.token));
  CHECK(second.read_to_end().empty());
}

TEST_CASE("agent: one command too many is refused, and a place is free again later") {
  agent_tester agent;
  std::vector<running_command> running;
  running.reserve(BANGER_MAX_COMMANDS);
  auto start = [&](int number) {
    auto what = agent.command({"cat"});
    what.token[0] = static_cast<char>(number % 64);
    what.token[1] = static_cast<char>(number / 64);
    return running_command{agent, what};
  };
  for (int i = 0; i < BANGER_MAX_COMMANDS; ++i) {
    running.push_back(start(i));
    running.back().wait_started();
  }
  CHECK(error_of(start(BANGER_MAX_COMMANDS).control.read_frame()) == EAGAIN);
  running.back().stdio.shut_down_writing();
  CHECK(running.back().wait_ended().exit_code == 0);
  CHECK(start(BANGER_MAX_COMMANDS + 1).wait_started() > 0);
}
