#include "tls/tcp_socket.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

namespace banger::tls {

namespace {

constexpr std::uint32_t unheard_ms = 5'000;

void set_option(int socket, int level, int name, int value) {
  (void)::setsockopt(socket, level, name, &value, sizeof value);
}

} // namespace

void prepare_socket(int socket) {
  constexpr int idle_s = 1, interval_s = 1, probes = 4;
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, idle_s);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, interval_s);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, probes);
  end_if_silent(socket, true);
}

void end_if_silent(int socket, bool is_on) {
  set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, is_on ? static_cast<int>(unheard_ms) : 0);
}

peer_state state_of_peer(int socket) {
  int unconfirmed = 0; // also what waits until the peer reads
  if (::ioctl(socket, SIOCOUTQ, &unconfirmed) != 0 || unconfirmed == 0)
    return peer_state::settled;
  tcp_info info{};
  socklen_t size = sizeof info;
  // What may be sent and is not has no way out of this host. A window of 0 is a peer that is full.
  const auto is_to_be_heard = ::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
                              (info.tcpi_unacked > 0 || info.tcpi_snd_wnd > 0);
  return is_to_be_heard && info.tcpi_last_ack_recv > unheard_ms ? peer_state::silent
                                                                : peer_state::awaited;
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
