// daemon connect: carries the daemon's socket over standard input and output, for a client on
// another machine that runs this through ssh.
#include "cli/commands.hpp"
#include "cli/session.hpp"
#include "client/launch.hpp"
#include "core/exit_code.hpp"
#include "host/unix_socket.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

namespace banger::cli {

namespace {

/// One direction: reads only where all it has is written, so that no more than that waits here.
class stream_relay {
public:
  stream_relay(int from, int to) : from_(from), to_(to) {}

  [[nodiscard]] bool is_open() const { return is_open_; }
  [[nodiscard]] pollfd wish() const {
    return is_full() ? pollfd{to_, POLLOUT, 0} : pollfd{is_open_ ? from_ : -1, POLLIN, 0};
  }

  void give_up() {
    is_open_ = false;
    rest_ = {};
  }

  /// Moves what can be moved. @returns false where nobody takes it any more
  bool move() {
    if (!is_full()) {
      const auto n = ::read(from_, bytes_.data(), bytes_.size());
      if (n < 0)
        return errno == EAGAIN || errno == EINTR;
      if (n == 0) {
        is_open_ = false;
        ::shutdown(to_, SHUT_WR); // a pipe or a terminal takes no notice
        return true;
      }
      rest_ = {bytes_.data(), static_cast<std::size_t>(n)};
    }
    const auto n = ::write(to_, rest_.data(), rest_.size());
    if (n < 0)
      return errno == EAGAIN || errno == EINTR;
    rest_.remove_prefix(static_cast<std::size_t>(n));
    return true;
  }

private:
  [[nodiscard]] bool is_full() const { return !rest_.empty(); }

  int from_, to_;
  bool is_open_ = true;
  std::array<char, 256U << 10> bytes_{};
  std::string_view rest_;
};

void let_it_not_block(int fd) {
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/// A daemon's socket; starts one where none runs.
result<host::unique_fd> dial(const host::paths& where) {
  if (auto fd = host::connect_unix(where.socket))
    return fd;
  if (auto link = client::connect_or_start(where, {}); !link)
    return tl::make_unexpected(link.error());
  return host::connect_unix(where.socket);
}

} // namespace

int daemon_connect(const host::paths& where, const options& how) {
  auto fd = dial(where);
  if (!fd)
    return report(fd.error(), how);
  auto peer = host::peer_of(fd->get());
  if (!peer || (peer->uid != ::geteuid() && peer->uid != 0))
    return report({ec::unsafe_path, "refuse to talk to the daemon at " + where.socket,
                   "it belongs to somebody else", "set BANGER_SOCKET to a path of your own"},
                  how);
  for (int each : {fd->get(), STDIN_FILENO, STDOUT_FILENO})
    let_it_not_block(each);
  stream_relay up{STDIN_FILENO, fd->get()}, down{fd->get(), STDOUT_FILENO};
  // The daemon's end is the end of it; ours is passed on, and it answers what was asked before.
  while (down.is_open()) {
    std::array<pollfd, 2> waiting{up.wish(), down.wish()};
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR)
      return core::exit_failed;
    if (waiting[0].revents != 0 && !up.move())
      up.give_up(); // the daemon takes no more, but may have said its last word
    if (waiting[1].revents != 0 && !down.move())
      return core::exit_ok;
  }
  return core::exit_ok;
}

} // namespace banger::cli
