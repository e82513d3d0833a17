#include "host/tcp_listener.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <sys/socket.h>

namespace banger::host {

namespace {

/// Errors: errno.
tl::expected<unique_fd, int> open_listener(int family, const void* address, socklen_t size) {
  unique_fd fd{::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  const int yes = 1; // what is left of closed connections does not count
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
      ::bind(fd.get(), static_cast<const sockaddr*>(address), size) != 0 ||
      ::listen(fd.get(), SOMAXCONN) != 0)
    return tl::make_unexpected(errno);
  return fd;
}

tl::expected<unique_fd, int> listen_on(const std::string& address, std::uint16_t port) {
  sockaddr_in ip4{};
  sockaddr_in6 ip6{};
  ip4.sin_family = AF_INET;
  ip6.sin6_family = AF_INET6;
  ip4.sin_port = ip6.sin6_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &ip4.sin_addr) == 1)
    return open_listener(AF_INET, &ip4, sizeof ip4);
  if (::inet_pton(AF_INET6, address.c_str(), &ip6.sin6_addr) == 1)
    return open_listener(AF_INET6, &ip6, sizeof ip6);
  return tl::make_unexpected(EINVAL);
}

std::uint16_t port_of(int fd) {
  sockaddr_storage where{};
  socklen_t size = sizeof where;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size) != 0)
    return 0;
  return ntohs(where.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(where).sin6_port
                                           : reinterpret_cast<sockaddr_in&>(where).sin_port);
}

tl::unexpected<failure> explain(const std::string& address, std::uint16_t port, int error) {
  auto what = "listen on " + address + " port " + std::to_string(port);
  if (error == EADDRINUSE)
    return fail(ec::already_exists, what, "another program listens there",
                "choose another port of the host, or 0 for a free one: HOSTPORT:PORT");
  if (error == EADDRNOTAVAIL)
    return fail(ec::bad_request, what, "this host has no such address");
  if (error == EACCES)
    return fail(ec::failed, what, "ports below 1024 are root's",
                "choose another port of the host: 8080:" + std::to_string(port));
  return fail_errno(what, error);
}

/// A host, or a container, without IPv6.
bool lacks_ipv6(int error) {
  return error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
}

} // namespace

result<tcp_listener> listen_tcp(const std::string& address, std::uint16_t port) {
  auto fd = listen_on(address, port);
  if (!fd)
    return explain(address, port, fd.error());
  tcp_listener made{address, port_of(fd->get()), {}};
  made.sockets.push_back(std::move(*fd));
  return made;
}

result<tcp_listener> listen_loopback(std::uint16_t port) {
  constexpr int attempts = 20; // a port that is free for one family need not be for the other
  for (int i = 0;; ++i) {
    auto made = listen_tcp("127.0.0.1", port);
    if (!made)
      return made;
    auto other = listen_on("::1", made->port);
    if (other)
      made->sockets.push_back(std::move(*other));
    if (other || lacks_ipv6(other.error()))
      return made;
    if (port != 0 || i == attempts)
      return explain("::1", made->port, other.error());
  }
}

} // namespace banger::host
