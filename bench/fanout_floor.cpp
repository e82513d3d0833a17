// The floor under "one output, many clients": a ring and poll(2), no frames, no offsets, nobody to
// answer to. Reads its stdin, gives all of it to N clients over Unix sockets, and prints the time
// from the first byte to the last client's last. Usage: fanout-floor CLIENTS < OUTPUT
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr std::size_t ring_size = 1U << 20;

struct client {
  int fd = -1;
  std::uint64_t cursor = 0;
};

[[noreturn]] void read_all(int fd) {
  static char bytes[256U << 10];
  while (::read(fd, bytes, sizeof bytes) > 0) {
  }
  ::_exit(0);
}

} // namespace

int main(int argc, char** argv) {
  const auto count = argc > 1 ? std::atoi(argv[1]) : 16;
  std::vector<client> clients(static_cast<std::size_t>(count));
  for (auto& x : clients) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
      return 1;
    if (::fork() == 0) {
      ::close(ends[0]);
      for (const auto& other : clients)
        if (other.fd >= 0)
          ::close(other.fd);
      read_all(ends[1]);
    }
    ::close(ends[1]);
    x.fd = ends[0];
  }
  std::vector<char> ring(ring_size);
  std::uint64_t head = 0;
  auto is_ended = false;
  auto since = std::chrono::steady_clock::now();
  for (;;) {
    auto least = head;
    for (const auto& x : clients)
      least = x.cursor < least ? x.cursor : least;
    if (is_ended && least == head)
      break;
    const auto room = ring_size - (head - least);
    std::vector<pollfd> polled{{is_ended || room == 0 ? -1 : 0, POLLIN, 0}};
    for (const auto& x : clients)
      polled.push_back({x.cursor < head ? x.fd : -1, POLLOUT, 0});
    (void)::poll(polled.data(), polled.size(), -1);
    if (polled[0].revents != 0) {
      const auto at = head % ring_size;
      const auto most = room < ring_size - at ? room : ring_size - at;
      const auto n = ::read(0, ring.data() + at, most);
      if (head == 0)
        since = std::chrono::steady_clock::now();
      if (n <= 0)
        is_ended = true;
      else
        head += static_cast<std::uint64_t>(n);
    }
    for (auto& x : clients) {
      if (x.cursor == head)
        continue;
      const auto at = x.cursor % ring_size;
      const auto left = head - x.cursor;
      const auto most = left < ring_size - at ? left : ring_size - at;
      const auto n = ::send(x.fd, ring.data() + at, most, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n > 0)
        x.cursor += static_cast<std::uint64_t>(n);
    }
  }
  for (auto& x : clients)
    ::close(x.fd);
  while (::wait(nullptr) > 0 || errno == EINTR) {
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - since;
  std::printf("%.6f %llu\n", took.count(), static_cast<unsigned long long>(head));
}
