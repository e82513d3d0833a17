#include "cli/terminal.hpp"

#include "cli/render.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace banger::cli {

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    auto n = ::write(fd, text.data(), text.size());
    if (n >= 0) {
      text.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) { // somebody else made the stream non-blocking
      pollfd waiting{fd, POLLOUT, 0};
      (void)::poll(&waiting, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

void print(std::string_view text) {
  if (write_all(STDOUT_FILENO, text))
    return;
  constexpr int reader_gone = 128 + SIGPIPE;
  if (errno == EPIPE)
    ::_exit(reader_gone); // as every tool in a pipe does
  print_error(std::string{"banger: write the output: "} + std::strerror(errno) + "\n");
  ::_exit(1);
}

void print_error(std::string_view text) {
  (void)write_all(STDERR_FILENO, text);
}

bool is_terminal(int fd) {
  return ::isatty(fd) == 1;
}

bool can_ask() {
  return is_terminal(STDIN_FILENO) && is_terminal(STDERR_FILENO);
}

bool ask_yes(const std::string& question) {
  print_error(question + " [y/N] ");
  char answer[16]; // a terminal gives one line at a time: termios(3)
  const auto size = ::read(STDIN_FILENO, answer, sizeof answer);
  const std::string_view line{answer, size < 0 ? 0 : static_cast<std::size_t>(size)};
  return line == "y\n" || line == "Y\n" || line == "yes\n";
}

bool wants_colour() {
  const char* no = std::getenv("NO_COLOR");
  return is_terminal(STDERR_FILENO) && (no == nullptr || *no == '\0');
}

std::size_t terminal_width() {
  constexpr std::size_t usual = 80, least = 20;
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
    return usual;
  return std::max<std::size_t>(size.ws_col, least);
}

progress::progress() : is_on_(is_terminal(STDERR_FILENO)) {}

void progress::show(const stage_entered& stage) {
  if (!is_on_)
    return;
  stages_[stage.subject] = {stage, clock::now()};
  draw();
}

void progress::redraw() {
  if (is_drawn_ && clock::now() - drawn_at_ >= std::chrono::milliseconds{tick_ms})
    draw();
}

int progress::redraw_in_ms() const {
  constexpr int seldom = 1 << 30;
  return is_drawn_ ? tick_ms : seldom;
}

void progress::draw() {
  drawn_at_ = clock::now();
  std::string line;
  for (const auto& [subject, x] : stages_) {
    auto since = std::chrono::duration_cast<std::chrono::milliseconds>(drawn_at_ - x.at).count();
    line += (line.empty() ? "" : "  |  ") + subject + ": " + x.stage.stage +
            (x.stage.detail.empty() ? "" : ", " + x.stage.detail) + " [" +
            seconds(static_cast<std::int64_t>(x.stage.elapsed_ms) + since) + "]";
  }
  auto width = terminal_width();
  if (line.size() >= width) // the last column would wrap on some terminals
    line = line.substr(0, width - 4) + "...";
  print_error("\r\033[K" + line);
  is_drawn_ = true;
}

void progress::clear() {
  if (is_drawn_)
    print_error("\r\033[K");
  is_drawn_ = false;
}

} // namespace banger::cli
