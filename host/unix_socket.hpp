// Unix stream sockets.
#pragma once

#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <string>
#include <sys/types.h>
#include <utility>

namespace banger::host {

/// Listens at `path` (mode 0600); replaces a socket that is there, but no other kind of file. Paths
/// of any length work: the address goes through the folder's descriptor. Errors: failed.
[[nodiscard]] result<unique_fd> listen_unix(const std::string& path);

/// Connects without waiting for the listener to accept. Paths of any length. Errors: not_found,
/// failed.
[[nodiscard]] result<unique_fd> connect_unix(const std::string& path);

struct peer {
  pid_t pid = 0;
  uid_t uid = 0;
};

/// Who is at the other end of a connected Unix socket. For a client this is who called listen(2),
/// which is us where we made the listener for a child. Errors: failed. Source: unix(7),
/// SO_PEERCRED.
[[nodiscard]] result<peer> peer_of(int fd);

/// Two connected stream sockets.
[[nodiscard]] result<std::pair<unique_fd, unique_fd>> socket_pair();

} // namespace banger::host
