// What a port-forward is asked for: "8080", "8080:80", "192.0.2.1:8080:80". Pure.
#pragma once

#include "protocol/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace banger::core {

struct forward_spec {
  std::string address; ///< numeric, without brackets; empty: the host's loopback, both families
  std::uint16_t host_port = 0; ///< 0: a free one
  std::uint16_t guest_port = 0;
  friend bool operator==(const forward_spec&, const forward_spec&) = default;
};

/// Reads "PORT", "HOSTPORT:PORT" or "ADDRESS:HOSTPORT:PORT"; an IPv6 address stands in brackets.
/// Errors: bad_request, saying what is wrong.
[[nodiscard]] result<forward_spec> parse_forward_spec(std::string_view text);

/// Whether only programs of this host can connect to an address that parse_forward_spec read.
[[nodiscard]] bool is_loopback(const std::string& address);

/// "127.0.0.1:80", "[::1]:80".
[[nodiscard]] std::string endpoint_text(const std::string& address, std::uint16_t port);

} // namespace banger::core
