// TCP sockets that listen on addresses of the host.
#pragma once

#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger::host {

/// Sockets that listen at the same port, non-blocking.
struct tcp_listener {
  std::string address; ///< of the first one
  std::uint16_t port = 0;
  std::vector<unique_fd> sockets;
};

/// Listens on a numeric address; port 0 takes a free one.
/// Errors: already_exists (the port is in use), bad_request (no address of this host), failed.
[[nodiscard]] result<tcp_listener> listen_tcp(const std::string& address, std::uint16_t port);

/// Listens on 127.0.0.1 and, where the host has IPv6, on ::1. Errors: as listen_tcp.
[[nodiscard]] result<tcp_listener> listen_loopback(std::uint16_t port);

} // namespace banger::host
