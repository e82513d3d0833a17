// "127.77.0.9:2222=22": connections to an address of the host go to a port of the guest. Pure.
#pragma once

#include "protocol/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace banger::core {

struct forward_rule {
  std::string address; ///< dotted IPv4 address of the host, in inet_pton(3)'s form
  std::uint16_t port = 0;
  std::uint16_t guest_port = 0;
  friend bool operator==(const forward_rule&, const forward_rule&) = default;
};

/// Reads "ADDRESS:PORT=GUESTPORT". Errors: bad_request, saying what is wrong.
[[nodiscard]] result<forward_rule> parse_forward_rule(std::string_view text);

/// The inverse of parse_forward_rule.
[[nodiscard]] std::string to_string(const forward_rule& x);

} // namespace banger::core
