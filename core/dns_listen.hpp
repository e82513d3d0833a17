// Where the names of VMs are served. Pure.
#pragma once

#include "protocol/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace banger::core {

struct dns_endpoint {
  std::string address = "127.77.0.1"; ///< of the range of guests, and never a guest's
  std::uint16_t port = 5300;          ///< 53 is root's
  friend bool operator==(const dns_endpoint&, const dns_endpoint&) = default;
};

/// "127.0.0.1:5300", "[::1]:5300". Errors: bad_request; so is an address that others can reach: who
/// is not on this host has no use for the answers, and could have them sent to somebody else.
[[nodiscard]] result<dns_endpoint> parse_dns_listen(std::string_view text);

} // namespace banger::core
