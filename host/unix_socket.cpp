#include "host/unix_socket.hpp"

#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace banger::host {

namespace {

/// An address that names `path` through its folder, opened: sun_path holds 107 bytes only.
struct short_address {
  unique_fd folder;
  sockaddr_un address{};

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

result<short_address> shorten(const std::string& path) {
  auto slash = path.rfind('/');
  auto folder = slash == std::string::npos ? std::string{"."} : path.substr(0, slash + 1);
  short_address x;
  x.folder.reset(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!x.folder)
    return fail_errno("open the folder " + folder);
  auto text = "/proc/self/fd/" + std::to_string(x.folder.get()) + "/" +
              path.substr(slash == std::string::npos ? 0 : slash + 1);
  if (text.size() >= sizeof x.address.sun_path)
    return fail_errno("use the socket " + path, ENAMETOOLONG);
  x.address.sun_family = AF_UNIX;
  std::memcpy(x.address.sun_path, text.data(), text.size());
  return x;
}

} // namespace

result<unique_fd> listen_unix(const std::string& path) {
  auto name = shorten(path);
  if (!name)
    return tl::make_unexpected(name.error());
  struct stat there {};
  if (::lstat(path.c_str(), &there) == 0 && S_ISSOCK(there.st_mode))
    ::unlink(path.c_str());
  unique_fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  constexpr int backlog = 8;
  if (!fd || ::fchmod(fd.get(), 0600) != 0 ||
      ::bind(fd.get(), name->get(), sizeof name->address) != 0 || ::listen(fd.get(), backlog) != 0)
    return fail_errno("listen at " + path);
  return fd;
}

result<unique_fd> connect_unix(const std::string& path) {
  auto name = shorten(path);
  if (!name)
    return tl::make_unexpected(name.error());
  unique_fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd || ::connect(fd.get(), name->get(), sizeof name->address) != 0)
    return fail_errno("connect to " + path);
  return fd;
}

result<peer> peer_of(int fd) {
  ucred found{};
  socklen_t size = sizeof found;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &found, &size) != 0)
    return fail_errno("ask who is at the other end of a socket");
  return peer{found.pid, found.uid};
}

result<std::pair<unique_fd, unique_fd>> socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail_errno("make a socket pair");
  return std::pair{unique_fd{ends[0]}, unique_fd{ends[1]}};
}

} // namespace banger::host
