#include "core/dns_listen.hpp"

#include "core/forward_spec.hpp"

#include <charconv>

namespace banger::core {

result<dns_endpoint> parse_dns_listen(std::string_view text) {
  const auto what = "dns: listen '" + std::string{text} + "'";
  const auto wrong = [&what](const char* why) {
    return fail(ec::bad_request, what, why, "write it like 127.77.0.1:5300 or [::1]:5300");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return wrong("it has no port");
  dns_endpoint x;
  const auto number = text.substr(colon + 1);
  const auto* end = number.data() + number.size();
  const auto parsed = std::from_chars(number.data(), end, x.port);
  if (parsed.ec != std::errc{} || parsed.ptr != end || x.port == 0)
    return wrong("its port is not a number from 1 to 65535");
  x.address = text.substr(0, colon);
  if (x.address == "[::1]")
    x.address = "::1";
  else if (x.address.find(':') != std::string::npos)
    return wrong("its address is not a loopback address");
  if (x.address.empty() || !is_loopback(x.address))
    return wrong("its address is not a loopback address");
  return x;
}

} // namespace banger::core
