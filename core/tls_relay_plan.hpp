// How the daemon has TLS connections relayed to its socket, and what it makes of the relay's words.
// Pure.
#pragma once

#include "core/tcp_endpoint.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace banger::core {

struct tls_relay_plan {
  tcp_endpoint where;
  std::string certs; ///< folder, absolute
  friend bool operator==(const tls_relay_plan&, const tls_relay_plan&) = default;
};

/// The arguments of banger-tls, from its path on. @param parent  pid of the daemon
[[nodiscard]] std::vector<std::string> tls_relay_arguments(const std::string& program,
                                                           const tls_relay_plan& plan,
                                                           const std::string& socket, int parent);

/// Where a relay listens, by its line "listening 192.0.2.1:7443"; empty for another line.
[[nodiscard]] std::string parse_listening(std::string_view line);

/// How long to wait before a relay is started that has ended so often in a row, 1 at least: longer
/// each time, a minute at most.
[[nodiscard]] std::chrono::milliseconds tls_relay_pause(std::uint32_t ends);

} // namespace banger::core
