#include "tls/tcp_socket.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>

namespace banger::tls {

void prepare_socket(int socket) {
  constexpr int idle_s = 1, interval_s = 1, probes = 4, unheard_ms = 5'000;
  const auto set = [socket](int level, int name, int value) {
    (void)::setsockopt(socket, level, name, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, idle_s);
  set(IPPROTO_TCP, TCP_KEEPINTVL, interval_s);
  set(IPPROTO_TCP, TCP_KEEPCNT, probes);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, unheard_ms); // of what was sent and not confirmed
}

peer_address address_of(const sockaddr_storage& x) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (x.ss_family == AF_INET6) {
    const auto& ip6 = reinterpret_cast<const sockaddr_in6&>(x);
    (void)::inet_ntop(AF_INET6, &ip6.sin6_addr, text, sizeof text);
    return {text, ntohs(ip6.sin6_port)};
  }
  if (x.ss_family == AF_INET) {
    const auto& ip4 = reinterpret_cast<const sockaddr_in&>(x);
    (void)::inet_ntop(AF_INET, &ip4.sin_addr, text, sizeof text);
    return {text, ntohs(ip4.sin_port)};
  }
  return {text, 0};
}

bool discard_input(int socket) {
  constexpr int most_reads = 16;
  char buffer[16U << 10];
  for (int i = 0; i < most_reads; ++i) {
    const auto size = ::recv(socket, buffer, sizeof buffer, MSG_DONTWAIT);
    if (size < 0)
      return errno == EAGAIN || errno == EINTR;
    if (size == 0)
      return false;
  }
  return true;
}

} // namespace banger::tls
