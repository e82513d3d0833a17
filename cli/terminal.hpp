// Standard streams: writing to them, and what they are.
#pragma once

#include "protocol/requests.hpp"

#include <chrono>
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

/// Of the terminal behind stderr, in columns; 80 where it does not say.
[[nodiscard]] std::size_t terminal_width();

/// Whether there is somebody to ask: stdin and stderr are terminals.
[[nodiscard]] bool can_ask();

/// Asks on stderr, and waits for a line: "y" or "yes" is a yes. Ctrl-C is a no as well.
[[nodiscard]] bool ask_yes(const std::string& question);

/// Whether stderr takes colours: a terminal, and NO_COLOR is not set (no-color.org).
[[nodiscard]] bool wants_colour();

/// Progress on stderr, one line that is drawn anew; silent unless stderr is a terminal.
class progress {
public:
  progress();
  void show(const stage_entered& stage);
  /// Lets the time that is shown go on. To be called every redraw_in_ms().
  void redraw();
  [[nodiscard]] int redraw_in_ms() const;
  /// Takes the line away, so that something else can be written.
  void clear();

private:
  using clock = std::chrono::steady_clock;
  static constexpr int tick_ms = 100;
  struct seen {
    stage_entered stage;
    clock::time_point at;
  };
  void draw();
  bool is_on_;
  std::map<std::string, seen> stages_; ///< by subject
  bool is_drawn_ = false;
  clock::time_point drawn_at_;
};

} // namespace banger::cli
