// Our terminal while it is a guest's.
#pragma once

#include "host/unique_fd.hpp"
#include "protocol/sessions.hpp"

#include <csignal>

namespace banger::cli {

/// Puts the terminal of stdin into raw mode (termios(3), cfmakeraw) while it lives; without a
/// terminal it does nothing. Every way out of the program has to pass through restore() or the
/// destructor: end the program with leave().
class raw_terminal {
public:
  raw_terminal() = default;
  ~raw_terminal() { restore(); }
  raw_terminal(const raw_terminal&) = delete;

  void make_raw();
  void restore();
  [[nodiscard]] bool is_raw() const { return is_raw_; }

  /// Gives the terminal back, stops this process as Ctrl-Z does, and takes the terminal again when
  /// it goes on.
  void suspend();

private:
  bool is_raw_ = false;
};

/// Gives the terminal back, if we have it, and ends the program at once.
[[noreturn]] void leave(int status);

/// The size of the terminal behind stdin or stdout; 0 x 0 where there is none.
[[nodiscard]] window_size terminal_window();

/// Takes SIGWINCH, SIGTSTP and SIGCONT as data while it lives.
class terminal_signals {
public:
  terminal_signals();
  ~terminal_signals();
  terminal_signals(const terminal_signals&) = delete;
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// The next signal; 0 where there is none.
  [[nodiscard]] int take();

private:
  host::unique_fd fd_;
  sigset_t before_{};
};

} // namespace banger::cli
