#include "host/dns_sockets.hpp"

#include "host/tcp_listener.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <sys/socket.h>

namespace banger::host {

namespace {

/// Errors: errno.
tl::expected<unique_fd, int> bind_udp(const core::dns_endpoint& where) {
  sockaddr_in ip4{};
  sockaddr_in6 ip6{};
  ip4.sin_family = AF_INET;
  ip6.sin6_family = AF_INET6;
  ip4.sin_port = ip6.sin6_port = htons(where.port);
  const auto is_ip4 = ::inet_pton(AF_INET, where.address.c_str(), &ip4.sin_addr) == 1;
  if (!is_ip4 && ::inet_pton(AF_INET6, where.address.c_str(), &ip6.sin6_addr) != 1)
    return tl::make_unexpected(EINVAL);
  unique_fd fd{::socket(is_ip4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  const auto bound = is_ip4 ? ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&ip4), sizeof ip4)
                            : ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&ip6), sizeof ip6);
  if (bound != 0)
    return tl::make_unexpected(errno);
  return fd;
}

/// The same failures as for a port-forward, but another thing to do about them.
tl::unexpected<failure> for_names(failure why) {
  why.hint =
      why.code == ec::already_exists || why.code == ec::failed
          ? "choose another listen in the [dns] part of config.toml, then: banger daemon stop"
          : "listen in the [dns] part of config.toml must be a loopback address";
  return tl::make_unexpected(std::move(why));
}

} // namespace

result<dns_sockets> listen_dns(const core::dns_endpoint& where) {
  auto tcp = listen_tcp(where.address, where.port);
  if (!tcp)
    return for_names(tcp.error());
  auto udp = bind_udp(where);
  if (!udp) {
    auto failed =
        fail_errno("listen on " + where.address + " port " + std::to_string(where.port) + " (UDP)",
                   udp.error());
    if (udp.error() == EADDRINUSE)
      failed.value().code = ec::already_exists;
    return for_names(failed.value());
  }
  return dns_sockets{where, std::move(*udp), std::move(tcp->sockets.front())};
}

} // namespace banger::host
