// What both clients of libbanger take and give: client.hpp, whose calls wait, and async_client.hpp,
// whose calls do not.
#pragma once

#include "protocol/attach.hpp"
#include "protocol/requests.hpp"
#include "protocol/result.hpp"
#include "protocol/sessions.hpp"
#include "protocol/values.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace banger::client {

/// Whose daemon.
struct connect_options {
  /// Empty: this user's, on this machine, started where none runs. Else a name of [hosts] in
  /// config.toml, "ssh://USER@HOST" or "tls://HOST:PORT".
  std::string host{};
  std::chrono::milliseconds timeout{15'000};
};

/// What a command in a guest left.
struct finished_command {
  int exit_code = 0; ///< meaningful where signal is 0
  int signal = 0;
  std::string output;
  std::string errors;
};

struct command_options {
  std::vector<std::string> env{}; ///< "NAME=value", added to the guest's own
  std::string cwd{};              ///< empty: root's home
  std::string input{};            ///< all that the command reads
};

/// Called with each piece of output, on the caller's thread, before the next one is taken: whoever
/// is slow slows only itself.
using output_handler = std::function<void(bool is_stderr, std::string_view bytes)>;

/// What happens to an attach, each on the caller's thread.
struct attach_handlers {
  /// @param offset  of the first byte, in the session's output; each begins where the one before
  ///                ended, or the gap. @returns false to detach
  std::function<bool(std::uint64_t offset, bool is_stderr, std::string_view bytes)> on_output{};
  /// Output that is no longer kept.
  std::function<void(std::uint64_t from, std::uint64_t to)> on_gap{};
  /// Input was not taken, nor will more be. Of who sends none: never.
  std::function<void(const failure&)> on_input_refused{};
};

/// Where an attach left.
struct attach_outcome {
  session_info session;   ///< as it is now
  std::uint64_t next = 0; ///< offset of the next byte: attach there again, and none comes twice
};

} // namespace banger::client
