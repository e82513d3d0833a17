// Runs the real banger-agent on a socket in a folder of the test's own, and talks to it.
#pragma once

#include "core/agent_frames.hpp"
#include "host/unique_fd.hpp"
#include "tests/support/temporary_folder.hpp"

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace banger::test {

/// One connection to the agent. Every wait in it ends after ten seconds, with a failed test.
class agent_connection {
public:
  explicit agent_connection(const std::string& socket_path);

  void send(std::string_view bytes);
  /// The end of the command's standard input.
  void shut_down_writing();
  void close() { fd_.reset(); }
  [[nodiscard]] bool is_open() const { return static_cast<bool>(fd_); }
  /// All that comes until the other side closes.
  [[nodiscard]] std::string read_to_end();
  /// Exactly `size` bytes.
  [[nodiscard]] std::string read_exactly(std::size_t size);
  /// The next whole frame; its type 0 where the agent closed instead.
  struct frame {
    char type = 0;
    std::string payload;
  };
  [[nodiscard]] frame read_frame();
  /// Sends `bytes` while reading; then ends the input. @returns all that came.
  [[nodiscard]] std::string exchange(std::string_view bytes);

private:
  [[nodiscard]] std::string read_at_most(std::size_t size);

  host::unique_fd fd_;
};

/// What became of a command.
struct outcome {
  std::string output;
  std::string error_output;
  core::agent::ended end;
};

class agent_tester {
public:
  /// Starts the program that $BANGER_TEST_AGENT names, and waits until it listens.
  /// @param data_port  the guest's end of its data port: it inherits that; -1: it has none
  explicit agent_tester(int data_port = -1);
  /// Ends it with SIGTERM.
  ~agent_tester();
  /// Ends it with SIGKILL, and starts another one in its place.
  void kill_and_restart();
  agent_tester(const agent_tester&) = delete;

  [[nodiscard]] agent_connection connect() { return agent_connection{socket_}; }
  /// A command for `argv` in the folder of the test, with a token of its own.
  [[nodiscard]] core::agent::command command(std::vector<std::string> argv);
  /// Runs a command to its end with `input` as its standard input.
  [[nodiscard]] outcome run(const core::agent::command& what, std::string_view input = {});
  [[nodiscard]] const temporary_folder& folder() const { return folder_; }

  [[nodiscard]] pid_t pid() const { return pid_; }

private:
  void launch();

  temporary_folder folder_;
  std::string socket_;
  int data_port_ = -1;
  pid_t pid_ = -1;
  unsigned char next_token_ = 0;
};

/// A command's three connections, opened in the order that a host would.
struct running_command {
  running_command(agent_tester& agent, const core::agent::command& what);
  /// Waits for 'S'. @returns the pid.
  std::uint32_t wait_started();
  /// Waits for 'Z'.
  core::agent::ended wait_ended();
  void send_signal(int number);

  agent_connection control, stdio, error_output;
};

/// A frame of any type and content.
[[nodiscard]] std::string raw_frame(char type, const std::string& payload);

/// Bytes of every value, the same each time.
[[nodiscard]] std::string noise(std::size_t size);

} // namespace banger::test
