// Runs Debian's tools for a build, one at a time, and ends them when the build is told to end.
#pragma once

#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <functional>
#include <string>
#include <vector>

namespace banger::images {

class tool_runner {
public:
  /// Blocks SIGTERM and SIGINT: from now on they end the running tool, and run() says so.
  tool_runner();

  /// Called with each line a tool writes to stderr or stdout; all of it goes to our stderr as well.
  using line_handler = std::function<void(const std::string& line)>;

  /// Runs a program to its end. @param input  file for its stdin, or empty
  /// @param output  file for its stdout, or empty: its lines then go to `on_line` too
  /// Errors: missing_program, cancelled, no_space, image_failed with its last line.
  [[nodiscard]] result<void> run(const std::string& program, const std::string& package,
                                 std::vector<std::string> arguments,
                                 const line_handler& on_line = {}, const std::string& input = {},
                                 const std::string& output = {});

  /// The signal that asked us to end, or 0.
  [[nodiscard]] int ended_by() const { return signal_; }

private:
  host::unique_fd signals_;
  int signal_ = 0;
};

} // namespace banger::images
