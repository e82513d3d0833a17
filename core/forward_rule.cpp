#include "core/forward_rule.hpp"

#include <arpa/inet.h>
#include <charconv>

namespace banger::core {

namespace {

bool is_ipv4(const std::string& text) {
  in_addr ignored{};
  return ::inet_pton(AF_INET, text.c_str(), &ignored) == 1;
}

/// @returns 0 for anything but a whole number from 1 to 65535.
std::uint16_t parse_port(std::string_view text) {
  std::uint16_t port = 0;
  auto end = text.data() + text.size();
  auto parsed = std::from_chars(text.data(), end, port);
  return parsed.ec == std::errc{} && parsed.ptr == end ? port : std::uint16_t{0};
}

} // namespace

result<forward_rule> parse_forward_rule(std::string_view text) {
  auto wrong = [&](const char* why) {
    return fail(ec::bad_request, "read the forward '" + std::string{text} + "'", why,
                "write it like 127.77.0.9:2222=22");
  };
  auto colon = text.find(':');
  auto equals = text.find('=');
  if (colon == std::string_view::npos || equals == std::string_view::npos || colon > equals)
    return wrong("it is not ADDRESS:PORT=GUESTPORT");
  forward_rule rule;
  rule.address = std::string{text.substr(0, colon)};
  rule.port = parse_port(text.substr(colon + 1, equals - colon - 1));
  rule.guest_port = parse_port(text.substr(equals + 1));
  // A text with a NUL inside would be shorter to inet_pton than to us.
  if (rule.address.find('\0') != std::string::npos || !is_ipv4(rule.address))
    return wrong("its address is not an IPv4 address");
  if (rule.port == 0)
    return wrong("its port is not a number from 1 to 65535");
  if (rule.guest_port == 0)
    return wrong("its guest port is not a number from 1 to 65535");
  return rule;
}

std::string to_string(const forward_rule& x) {
  return x.address + ":" + std::to_string(x.port) + "=" + std::to_string(x.guest_port);
}

} // namespace banger::core
