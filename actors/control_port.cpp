#include "actors/control_port.hpp"

#include "host/clock.hpp"

#include <cerrno>
#include <sys/socket.h>

namespace banger::actors {

void say(const host::unique_fd& fd, const std::string& line) {
  if (fd)
    (void)::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool drain(const host::unique_fd& fd, std::string& out) {
  char buffer[16U << 10];
  for (;;) {
    auto n = ::recv(fd.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (n > 0)
      out.append(buffer, static_cast<std::size_t>(n));
    else if (n == 0)
      return false;
    else if (errno != EINTR)
      return errno == EAGAIN;
  }
}

void say_time(const host::unique_fd& control) {
  auto now = host::unix_ms();
  auto fraction = std::to_string(now % 1000);
  say(control, "time " + std::to_string(now / 1000) + "." + std::string(3 - fraction.size(), '0') +
                   fraction + "\n");
}

} // namespace banger::actors
