#include "core/forward_rule.hpp"

#include <charconv>

namespace banger::core {

namespace {

template <class Number>
bool parse_whole(std::string_view text, Number& out) {
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), out);
  return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
}

bool is_ipv4(std::string_view text) {
  int parts = 0;
  for (std::size_t at = 0; at <= text.size(); ++parts) {
    auto end = std::min(text.find('.', at), text.size());
    std::uint8_t part = 0;
    if (!parse_whole(text.substr(at, end - at), part))
      return false;
    at = end + 1;
  }
  return parts == 4;
}

} // namespace

result<forward_rule> parse_forward_rule(std::string_view text) {
  auto wrong = [&](const char* why) {
    return fail(ec::bad_request, "the forward '" + std::string{text} + "' is not valid", why,
                "write it like 127.77.0.2:2222=22");
  };
  auto equals = text.find('=');
  auto colon = text.find(':');
  if (equals == std::string_view::npos || colon == std::string_view::npos || colon > equals)
    return wrong("it has no ':' or no '='");
  forward_rule rule;
  rule.address = std::string{text.substr(0, colon)};
  if (!is_ipv4(rule.address))
    return wrong("its address is not an IPv4 address");
  if (!parse_whole(text.substr(colon + 1, equals - colon - 1), rule.port) || rule.port == 0)
    return wrong("its port is not from 1 to 65535");
  if (!parse_whole(text.substr(equals + 1), rule.guest_port) || rule.guest_port == 0)
    return wrong("its guest port is not from 1 to 65535");
  return rule;
}

} // namespace banger::core
