// Unix stream sockets.
#pragma once

#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <string>
#include <utility>

namespace banger::host {

/// Listens at `path` (mode 0600); replaces a socket that is there. Paths of any length work: the
/// address goes through the folder's descriptor. Errors: failed.
[[nodiscard]] result<unique_fd> listen_unix(const std::string& path);

/// Connects without waiting for the listener to accept. Paths of any length. Errors: not_found,
/// failed.
[[nodiscard]] result<unique_fd> connect_unix(const std::string& path);

/// Two connected stream sockets.
[[nodiscard]] result<std::pair<unique_fd, unique_fd>> socket_pair();

} // namespace banger::host
