// TCP between machines.
#pragma once

#include <cstdint>
#include <string>
#include <sys/socket.h>

namespace banger::tls {

/// Small messages go at once, and a link that is cut is known within about 5 s, whether somebody
/// sends or not. Source: tcp(7).
void prepare_socket(int socket);

struct peer_address {
  std::string address; ///< numeric; "?" where it cannot be told
  std::uint16_t port = 0;
};

[[nodiscard]] peer_address address_of(const sockaddr_storage& x);

/// Throws away what has come. @returns false once nothing more can come
[[nodiscard]] bool discard_input(int socket);

} // namespace banger::tls
