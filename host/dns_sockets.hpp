// Sockets that names are asked at.
#pragma once

#include "core/dns_listen.hpp"
#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

namespace banger::host {

struct dns_sockets {
  core::dns_endpoint where;
  unique_fd udp; ///< both do not block
  unique_fd tcp; ///< listens
};

/// Binds both at the same port. Errors: already_exists (it is in use), bad_request (no address of
/// this host), failed.
[[nodiscard]] result<dns_sockets> listen_dns(const core::dns_endpoint& where);

} // namespace banger::host
