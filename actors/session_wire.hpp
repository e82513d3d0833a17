// The frames of guest sessions as C++ values: what guest/session_frames.h encodes and decodes.
#pragma once

#include "guest/session_frames.h"
#include "protocol/sessions.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace banger::actors::session_wire {

// -- to the agent: whole frames
// ------------------------------------------------------------------------------

[[nodiscard]] std::string start(const std::string& id, const session_config& config);

struct attach_request {
  std::string id;
  std::uint64_t from = 0;
  std::uint32_t flags = 0; ///< SESSION_FLAG_...
  std::uint64_t credit = 0;
};

[[nodiscard]] std::string attach(const attach_request& x);
[[nodiscard]] std::string list();
[[nodiscard]] std::string remove(const std::string& id);
[[nodiscard]] std::string credit(std::uint64_t bytes);
[[nodiscard]] std::string input(std::string_view bytes);
[[nodiscard]] std::string input_end();
[[nodiscard]] std::string window(window_size size);
[[nodiscard]] std::string signal(std::int32_t number);

// -- from the agent. Views are good until the reader is fed again
// --------------------------------------------------

struct started {
  std::uint64_t at_ms = 0;
};
struct refused { ///< 'F'
  std::uint32_t error = 0;
  session_step step = session_step_none;
  std::string text;
};
struct here {
  session_phase phase = session_phase_starting;
  std::uint64_t start = 0;
};
struct output {
  std::uint64_t offset = 0;
  bool is_stderr = false;
  std::string_view bytes;
};
struct gap {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
};
struct ended {
  session_how how = session_how_exited;
  std::uint32_t code = 0;
  std::uint32_t signal = 0;
  std::uint64_t end = 0;
  std::uint64_t at_ms = 0;
  std::string text;
};
struct quiet {};
struct input_taken {
  std::uint64_t total = 0;
};
struct input_refused {};
struct listed {
  std::string id; ///< empty: that was all
};
struct removed {};
/// A frame that is none of these, or not whole where it must be: the peer is of another version.
struct malformed {};

using reply = std::variant<started, refused, here, output, gap, ended, quiet, input_taken,
                           input_refused, listed, removed, malformed>;

/// Takes frames off a byte stream.
class reader {
public:
  void feed(std::string_view bytes);
  /// @returns false where no whole frame is left
  [[nodiscard]] bool next(reply& out);

private:
  std::string buffer_;
  std::size_t at_ = 0;
};

} // namespace banger::actors::session_wire
