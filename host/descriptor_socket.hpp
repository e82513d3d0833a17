// Unix sockets that keep the bounds of messages and carry descriptors (unix(7): SOCK_SEQPACKET,
// SCM_RIGHTS).
#pragma once

#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace banger::host {

/// What was received in one piece.
struct packet {
  std::string bytes;
  std::vector<unique_fd> fds; ///< close-on-exec
  bool is_cut = false;        ///< there were more bytes, or more descriptors, than we take
};

/// Listens at `path`; replaces a socket where nobody listens any more, but no other kind of file.
/// Mode 0600. Errors: already_exists (somebody does), failed.
[[nodiscard]] result<unique_fd> listen_packets(const std::string& path);

/// Connects, non-blocking. Errors: not_found (no such file, or nobody listens), failed.
[[nodiscard]] result<unique_fd> connect_packets(const std::string& path);

/// Sends one packet without waiting. Errors: busy (the other end does not read), link_lost, failed.
[[nodiscard]] result<void> send_packet(int socket, std::string_view bytes,
                                       const std::vector<int>& fds);

/// Receives one packet without waiting; an empty one is the end of the connection. Errors: busy
/// (there is none yet), failed.
[[nodiscard]] result<packet> receive_packet(int socket, std::size_t most_bytes);

/// The most descriptors that are taken with a packet.
inline constexpr std::size_t most_descriptors = 4;

} // namespace banger::host
