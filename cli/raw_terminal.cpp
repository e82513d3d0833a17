#include "cli/raw_terminal.hpp"

#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

namespace banger::cli {

namespace {

// Of the one terminal there is: leave() is reached from anywhere.
termios saved{};
bool is_saved = false;

void give_back() {
  if (is_saved)
    (void)::tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
}

} // namespace

void raw_terminal::make_raw() {
  if (is_raw_ || ::tcgetattr(STDIN_FILENO, &saved) != 0)
    return;
  is_saved = true;
  auto raw = saved;
  ::cfmakeraw(&raw);
  is_raw_ = ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

void raw_terminal::restore() {
  if (is_raw_)
    give_back();
  is_raw_ = false;
}

void raw_terminal::suspend() {
  const auto was_raw = is_raw_;
  restore();
  (void)::kill(::getpid(), SIGSTOP);
  if (was_raw)
    make_raw();
}

void leave(int status) {
  give_back();
  ::_exit(status);
}

window_size terminal_window() {
  for (auto fd : {STDIN_FILENO, STDOUT_FILENO}) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row != 0 && size.ws_col != 0)
      return {size.ws_row, size.ws_col};
  }
  return {};
}

terminal_signals::terminal_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (auto signal : {SIGWINCH, SIGTSTP, SIGCONT})
    sigaddset(&set, signal);
  ::sigprocmask(SIG_BLOCK, &set, &before_);
  fd_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

terminal_signals::~terminal_signals() {
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

int terminal_signals::take() {
  signalfd_siginfo info{};
  return ::read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo)
                                                              : 0;
}

} // namespace banger::cli
