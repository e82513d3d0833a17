#include "daemon/detach.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>

namespace banger::daemon {

namespace {

constexpr std::string_view ready_word = "ready\n";

/// Passes on what the daemon says and ends with it.
[[noreturn]] void wait_and_exit(int from) {
  std::string text;
  char buffer[512];
  for (;;) {
    auto n = ::read(from, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      break;
    text.append(buffer, static_cast<std::size_t>(n));
  }
  if (text == ready_word)
    ::_exit(0);
  if (text.empty())
    text = "bangerd: the daemon died while it started; its log may say why\n";
  (void)!::write(STDERR_FILENO, text.data(), text.size());
  ::_exit(1);
}

void use_null_streams() {
  auto null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int standard = 0; standard <= 2 && null >= 0; ++standard)
    ::dup2(null, standard);
  if (null > 2)
    ::close(null);
}

} // namespace

result<host::unique_fd> detach() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return fail_errno("make a pipe");
  auto first = ::fork();
  if (first < 0)
    return fail_errno("fork");
  if (first > 0) {
    ::close(ends[1]);
    (void)::waitpid(first, nullptr, 0);
    wait_and_exit(ends[0]);
  }
  ::close(ends[0]);
  ::setsid();
  if (::fork() != 0) // no session leader, so no terminal can become ours
    ::_exit(0);
  (void)!::chdir("/");
  use_null_streams();
  return host::unique_fd{ends[1]};
}

void report_ready(const host::unique_fd& channel) {
  if (channel)
    (void)!::write(channel.get(), ready_word.data(), ready_word.size());
}

void report_failure(const host::unique_fd& channel, const std::string& line) {
  auto to = channel ? channel.get() : STDERR_FILENO;
  auto text = line + "\n";
  (void)!::write(to, text.data(), text.size());
}

} // namespace banger::daemon
