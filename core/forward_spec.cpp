#include "core/forward_spec.hpp"

#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <netinet/in.h>
#include <optional>

namespace banger::core {

namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto* end = text.data() + text.size();
  auto parsed = std::from_chars(text.data(), end, port);
  if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != end)
    return std::nullopt;
  return port;
}

bool is_numeric(int family, const std::string& text) {
  in6_addr ignored{};
  return text.find('\0') == std::string::npos && ::inet_pton(family, text.c_str(), &ignored) == 1;
}

/// Takes "ADDRESS:" or "[ADDRESS]:" from the front, where it is there.
std::string take_address(std::string_view& text) {
  auto end = text.starts_with('[') ? text.find("]:") : std::string_view::npos;
  auto colons = end != std::string_view::npos ? end + 1 : text.find(':');
  if (colons == std::string_view::npos ||
      (end == std::string_view::npos && text.find(':', colons + 1) == std::string_view::npos))
    return {};
  std::string address{text.substr(0, colons)};
  text.remove_prefix(colons + 1);
  return address;
}

} // namespace

result<forward_spec> parse_forward_spec(std::string_view text) {
  auto wrong = [&](const char* why) {
    return fail(ec::bad_request, "forward '" + std::string{text} + "'", why,
                "write it like 8080, 8080:80 or 127.0.0.1:8080:80");
  };
  forward_spec spec;
  auto rest = text;
  auto address = take_address(rest);
  if (!address.empty()) {
    auto is_ipv6 = address.front() == '[';
    spec.address = is_ipv6 ? address.substr(1, address.size() - 2) : address;
    if (!is_numeric(is_ipv6 ? AF_INET6 : AF_INET, spec.address))
      return wrong("its address is no IPv4 address, nor an IPv6 address in brackets");
  }
  auto colon = rest.find(':');
  if (!address.empty() && colon == std::string_view::npos)
    return wrong("after an address comes the host's port, and then the guest's");
  auto host = colon == std::string_view::npos ? rest : rest.substr(0, colon);
  auto guest = colon == std::string_view::npos ? rest : rest.substr(colon + 1);
  auto host_port = parse_port(host), guest_port = parse_port(guest);
  if (!guest_port || *guest_port == 0)
    return wrong("the guest's port is not a number from 1 to 65535");
  if (!host_port)
    return wrong("the host's port is not a number from 0 to 65535");
  spec.host_port = *host_port;
  spec.guest_port = *guest_port;
  return spec;
}

bool is_loopback(const std::string& address) {
  in_addr ip4{};
  if (address.empty() || address == "::1")
    return true;
  return ::inet_pton(AF_INET, address.c_str(), &ip4) == 1 && ntohl(ip4.s_addr) >> 24 == 127;
}

std::string endpoint_text(const std::string& address, std::uint16_t port) {
  auto shown = address.find(':') != std::string::npos ? "[" + address + "]" : address;
  return shown + ":" + std::to_string(port);
}

} // namespace banger::core
