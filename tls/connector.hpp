// The way to a host: one TLS connection for the bytes of our standard input, a socket or a pipe.
#pragma once

#include "core/tcp_endpoint.hpp"
#include "protocol/result.hpp"

#include <string>

namespace banger::tls {

struct connect_options {
  core::tcp_endpoint where;
  std::string name;   ///< the certificate's, of the host; empty: where.host
  std::string folder; ///< of our certificates
};

/// Connects, checks who is there, and carries bytes until both ways have ended. Blocks. Errors:
/// unreachable; failed where one of the certificates is refused; those of load_credentials.
[[nodiscard]] result<void> connect_and_carry(const connect_options& how);

} // namespace banger::tls
