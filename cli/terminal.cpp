#include "cli/terminal.hpp"

#include "cli/render.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <poll.h>
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

bool wants_colour() {
  const char* no = std::getenv("NO_COLOR");
  return is_terminal(STDERR_FILENO) && (no == nullptr || *no == '\0');
}

progress::progress() : is_on_(is_terminal(STDERR_FILENO)) {}

void progress::show(const stage_entered& stage) {
  if (!is_on_)
    return;
  stages_[stage.subject] = stage;
  constexpr std::size_t most_width = 100;
  std::string line;
  for (const auto& [subject, x] : stages_)
    line += (line.empty() ? "" : "  |  ") + x.subject + ": " + x.stage +
            (x.detail.empty() ? "" : ", " + x.detail) + " [" + seconds(x.elapsed_ms) + "]";
  if (line.size() > most_width)
    line = line.substr(0, most_width - 3) + "...";
  print_error("\r\033[K" + line);
  is_drawn_ = true;
}

void progress::clear() {
  if (is_drawn_)
    print_error("\r\033[K");
  is_drawn_ = false;
}

} // namespace banger::cli
