#include "core/tcp_endpoint.hpp"

#include "core/cert_names.hpp"

#include <arpa/inet.h>
#include <charconv>

namespace banger::core {

namespace {

constexpr const char* how_to = "write it like 192.0.2.1:7443, [2001:db8::1]:7443 or HOST:7443";
constexpr const char* how_to_listen = "write it like 192.0.2.1:7443, or 0.0.0.0:7443 for all";

bool has_family(const std::string& text, int family) {
  in6_addr buffer{}; // the longer one
  return ::inet_pton(family, text.c_str(), &buffer) == 1;
}

result<tcp_endpoint> split(std::string_view text, const char* hint) {
  const auto wrong = [&](const char* why) {
    return fail(ec::bad_request, "the address '" + std::string{text} + "'", why, hint);
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return wrong("it has no port");
  tcp_endpoint x;
  const auto number = text.substr(colon + 1);
  const auto* end = number.data() + number.size();
  const auto parsed = std::from_chars(number.data(), end, x.port);
  if (parsed.ec != std::errc{} || parsed.ptr != end)
    return wrong("its port is not a number up to 65535");
  x.host = text.substr(0, colon);
  if (x.host.size() > 2 && x.host.front() == '[' && x.host.back() == ']') {
    x.host = x.host.substr(1, x.host.size() - 2);
    if (!has_family(x.host, AF_INET6))
      return wrong("what is in its brackets is no IPv6 address");
  } else if (x.host.find(':') != std::string::npos) {
    return wrong("an IPv6 address stands in brackets");
  }
  if (x.host.empty())
    return wrong("it has no host");
  return x;
}

} // namespace

bool is_numeric_address(const std::string& text) {
  return text.find('\0') == std::string::npos &&
         (has_family(text, AF_INET) || has_family(text, AF_INET6));
}

result<tcp_endpoint> parse_tcp_endpoint(std::string_view text) {
  auto x = split(text, how_to);
  if (!x)
    return x;
  const auto what = "the address '" + std::string{text} + "'";
  if (x->port == 0)
    return fail(ec::bad_request, what, "nobody can be reached at port 0", how_to);
  if (!is_numeric_address(x->host) && !check_cert_host(x->host))
    return fail(ec::bad_request, what, "its host is neither a name nor an address", how_to);
  return x;
}

result<tcp_endpoint> parse_listen_endpoint(std::string_view text) {
  auto x = split(text, how_to_listen);
  if (x && !is_numeric_address(x->host))
    return fail(ec::bad_request, "the address '" + std::string{text} + "'",
                "its host is not a numeric address", how_to_listen);
  return x;
}

} // namespace banger::core
