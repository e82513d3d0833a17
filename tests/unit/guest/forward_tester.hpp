// Both ends of a port-forward: the host's in this process, the guest's in a real banger-agent,
// joined by pipes. What is forwarded to listens on this machine's loopback.
#pragma once

#include "guest/forward_mux.h"
#include "host/unique_fd.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace banger::test {

/// A socket that listens. @param address  numeric
struct listening {
  explicit listening(const std::string& address = "127.0.0.1");
  host::unique_fd fd;
  std::uint16_t port = 0;
};

/// A connection to `where`, non-blocking.
[[nodiscard]] host::unique_fd connect_to(const listening& where);
/// The next connection to `where`, non-blocking; none where there is none yet.
[[nodiscard]] host::unique_fd accept_from(const listening& where);

/// What a socket has said so far, and how it ended.
struct heard {
  std::string bytes;
  bool is_over = false;
  int error = 0; ///< of its end
  /// Reads what is there.
  void listen_to(const host::unique_fd& fd);
};

class forward_tester {
public:
  /// @param arguments  of banger-agent
  explicit forward_tester(const std::vector<const char*>& arguments = {"forward"});
  ~forward_tester();
  forward_tester(const forward_tester&) = delete;

  /// A connection that is carried to `port` of the guest. @returns the end of who connected
  [[nodiscard]] host::unique_fd open(std::uint16_t port);

  /// Moves bytes until `is_there`; @returns false after ten seconds.
  bool pump(const std::function<bool()>& is_there);

  void send_raw(std::string_view bytes);
  /// Closes its input, unless it has been; waits for its end. @returns its exit status
  int wait_end();

  forward_mux* mux = nullptr;
  struct refusal {
    std::uint16_t port;
    int error;
  };
  std::vector<refusal> refusals;
  struct note {
    std::uint8_t type;
    std::string payload;
  };
  std::vector<note> notes; ///< frames of no connection
  bool is_malformed = false;

private:
  listening door_; ///< where open() connects to
  host::unique_fd to_, from_;
  pid_t pid_ = -1;
};

/// All that a banger-agent command prints.
[[nodiscard]] std::string agent_prints(const char* verb);

} // namespace banger::test
