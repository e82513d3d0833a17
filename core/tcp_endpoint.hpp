// A TCP port of a host: "build.lan:7443", "192.0.2.1:7443", "[2001:db8::1]:7443". Pure.
#pragma once

#include "protocol/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace banger::core {

struct tcp_endpoint {
  std::string host; ///< a name or a numeric address, without brackets
  std::uint16_t port = 0;
  friend bool operator==(const tcp_endpoint&, const tcp_endpoint&) = default;
};

/// Of somebody to connect to. Errors: bad_request, saying what is wrong; so is port 0.
[[nodiscard]] result<tcp_endpoint> parse_tcp_endpoint(std::string_view text);

/// To listen at: a numeric address, "0.0.0.0" and "[::]" for all; port 0 is a free one. Errors:
/// bad_request.
[[nodiscard]] result<tcp_endpoint> parse_listen_endpoint(std::string_view text);

/// Whether it is an IPv4 or IPv6 address in numbers.
[[nodiscard]] bool is_numeric_address(const std::string& text);

} // namespace banger::core
