// Starts sessions in a real banger-agent, and attaches to them as the daemon would.
#pragma once

#include "guest/session_frames.h"
#include "tests/unit/guest/agent_tester.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace banger::test {

/// Polls until `condition` holds. @returns false where it did not within ten seconds
[[nodiscard]] bool wait_for(const std::function<bool()>& condition);

/// What an 'N' frame says.
struct session_spec {
  std::string id;
  std::vector<std::string> argv;
  std::string cwd = "/";
  std::uint32_t flags = 0;
  std::uint16_t rows = 24, columns = 80;
  std::uint64_t cap = 0;
  std::vector<std::string> env, required;
};

[[nodiscard]] std::string encode(const session_spec& x);

struct failure {
  std::uint32_t error = 0;
  int step = 0;
  std::string text;
};

/// One 'A' connection. Holds what comes to the rules: offsets without a hole that is not told, no
/// byte beyond the credit.
class attachment {
public:
  struct end {
    int how = 0;
    std::uint32_t code = 0, signal = 0;
    std::uint64_t offset = 0, at_ms = 0;
    std::string text;
  };

  static constexpr std::uint64_t endless = ~std::uint64_t{0};

  attachment(agent_connection connection, const std::string& id, std::uint64_t from,
             std::uint32_t flags, std::uint64_t credit);

  /// Takes in one frame. @returns its type; 0 at the end of the connection
  char step();
  /// Until the last frame, and the end of the connection.
  void read_to_end();
  /// Until `all` has so many bytes in it.
  void read_until_size(std::size_t size);
  /// Until `all` has this text in it.
  void read_until(const std::string& text);
  void give_credit(std::uint64_t more);
  void send_input(const std::string& bytes);
  void send_input_end();
  void send_window(std::uint16_t rows, std::uint16_t columns);
  void send_kill(int signal);
  /// Until the host has taken so many bytes of input in all.
  void wait_taken(std::uint64_t total);
  /// Until input was refused.
  void wait_refused();

  session_here here{};
  std::uint64_t next = 0; ///< output offset that has to come next
  std::string all;        ///< of both streams
  std::string output, error_output;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> gaps;
  /// Output without a gap in it, each at its offset.
  std::map<std::uint64_t, std::string> pieces;
  std::optional<end> ended;
  std::optional<std::uint64_t> quiet; ///< of 'q'
  std::optional<failure> failed;
  std::uint64_t taken = 0;
  int refused = 0;
  agent_connection connection;

private:
  void take_output(char type, const std::string& payload);
  void take(char type, const std::string& payload);

  std::uint64_t credit_;
  std::uint64_t piece_ = 0; ///< offset of the last piece
};

class session_tester {
public:
  session_tester() = default;
  /// @param data_port  as agent_tester's
  explicit session_tester(int data_port) : agent(data_port) {}
  /// Ends every host, and the command of it.
  ~session_tester();
  session_tester(const session_tester&) = delete;

  /// With an ID of its own.
  [[nodiscard]] session_spec spec(std::vector<std::string> argv);
  [[nodiscard]] session_spec shell(const std::string& script) { return spec({"sh", "-c", script}); }
  /// The reply to an 'N' frame.
  [[nodiscard]] agent_connection::frame try_start(const session_spec& x);
  /// @returns the pid
  std::uint32_t start(const session_spec& x);
  [[nodiscard]] failure start_failure(const session_spec& x);

  [[nodiscard]] attachment attach(const std::string& id, std::uint64_t from = 0,
                                  std::uint32_t flags = 0,
                                  std::uint64_t credit = attachment::endless);
  /// All of a session's output that is kept now, by one attach.
  [[nodiscard]] attachment read_all(const std::string& id);
  /// ID and state file of every session.
  [[nodiscard]] std::map<std::string, std::string> list();
  [[nodiscard]] agent_connection::frame remove(const std::string& id);

  /// A line of the state file, as it is.
  [[nodiscard]] std::string state(const std::string& id, const std::string& key) const;
  [[nodiscard]] std::string path(const std::string& id, const std::string& name) const;
  [[nodiscard]] pid_t host(const std::string& id) const;
  /// @returns once it is dead: until then the agent hands it connections that just end
  void kill_host(const std::string& id) const;
  [[nodiscard]] bool wait_for_state(const std::string& id, const std::string& state) const;

  agent_tester agent;

private:
  std::uint32_t next_id_ = 0;
};

/// The value of `key` in lines of key=value.
[[nodiscard]] std::string value_of(const std::string& lines, const std::string& key);

/// @returns true while there is such a process, that is no zombie
[[nodiscard]] bool is_alive(pid_t pid);

[[nodiscard]] std::string read_whole_file(const std::string& path);

} // namespace banger::test
