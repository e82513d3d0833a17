// Standard streams: writing to them, and what they are.
#pragma once

#include "protocol/requests.hpp"

#include <map>
#include <string>
#include <string_view>

namespace banger::cli {

/// Writes all of it. @returns false where the stream is closed (EPIPE) or broken.
bool write_all(int fd, std::string_view text);

/// To stdout. Where that fails the program ends: quietly with 141 where nobody reads, with an error
/// otherwise.
void print(std::string_view text);
void print_error(std::string_view text); ///< to stderr

[[nodiscard]] bool is_terminal(int fd);

/// Whether stderr takes colours: a terminal, and NO_COLOR is not set (no-color.org).
[[nodiscard]] bool wants_colour();

/// Progress on stderr, one line that is drawn anew; silent unless stderr is a terminal.
class progress {
public:
  progress();
  void show(const stage_entered& stage);
  /// Takes the line away, so that something else can be written.
  void clear();

private:
  bool is_on_;
  std::map<std::string, stage_entered> stages_; ///< by subject
  bool is_drawn_ = false;
};

} // namespace banger::cli
