// TCP between machines.
#pragma once

#include <cstdint>
#include <string>
#include <sys/socket.h>

namespace banger::tls {

/// Small messages go at once, and a link that is cut while nothing is under way is known within
/// about 5 s. Source: tcp(7).
void prepare_socket(int socket);

/// Whether the kernel ends a connection whose peer confirms nothing for 5 s (TCP_USER_TIMEOUT). As
/// it also ends one whose peer is well and does not read, it is to be off while bytes are under
/// way.
void end_if_silent(int socket, bool is_on);

enum class peer_state : std::uint8_t {
  settled, ///< it has confirmed all that was sent
  awaited, ///< not yet
  silent   ///< it has not confirmed what is on the way for 5 s: the link is cut
};

/// To be asked about every second while end_if_silent is off.
[[nodiscard]] peer_state state_of_peer(int socket);

struct peer_address {
  std::string address; ///< numeric; "?" where it cannot be told
  std::uint16_t port = 0;
};

[[nodiscard]] peer_address address_of(const sockaddr_storage& x);

/// Throws away what has come. @returns false once nothing more can come
[[nodiscard]] bool discard_input(int socket);

} // namespace banger::tls
