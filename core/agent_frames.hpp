// The frames between the host and banger-agent in a guest: u8 type, u32 big-endian length, payload.
// Pure. The agent's side is guest/agent_protocol.h; a test holds the two together.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace banger::core::agent {

inline constexpr std::string_view socket_path = "/run/banger/agent.sock";
inline constexpr std::size_t token_size = 16;

/// What to run. The three connections of one command carry the same random token.
struct command {
  std::string token; ///< 16 bytes
  std::string cwd;   ///< empty: root's home
  std::vector<std::string> argv;
  std::vector<std::string> env; ///< "NAME=value"
};

/// First frame of the control connection.
[[nodiscard]] std::string exec_frame(const command& x);

/// First frame of the connection that becomes stdin and stdout.
[[nodiscard]] std::string stdio_frame(std::string_view token);

/// First frame of the connection that becomes stderr.
[[nodiscard]] std::string stderr_frame(std::string_view token);

/// On the control connection: signal the command's process group.
[[nodiscard]] std::string signal_frame(std::uint32_t signal);

struct started {
  std::uint32_t pid = 0;
};

struct not_started {
  std::uint32_t error = 0; ///< errno
  std::string text;
};

struct ended {
  std::uint32_t exit_code = 0;
  std::uint32_t signal = 0; ///< 0: it exited
};

/// The agent said something this version does not understand.
struct garbled {};

using reply = std::variant<started, not_started, ended, garbled>;

/// Takes frames off a growing byte string.
class reply_reader {
public:
  /// Adds bytes; returns the replies that are complete now.
  [[nodiscard]] std::vector<reply> feed(std::string_view bytes);

private:
  std::string buffer_;
};

} // namespace banger::core::agent
