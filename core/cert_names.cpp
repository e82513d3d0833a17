#include "core/cert_names.hpp"

#include "core/lower_case.hpp"
#include "core/tcp_endpoint.hpp"
#include "core/vm_name.hpp"

#include <algorithm>

namespace banger::core {

namespace {

constexpr std::size_t longest_host = 253; // RFC 1035 section 2.3.4, without the root's dot

/// An address that is written wrongly looks like a name: the last label of one is never a number.
bool is_number(std::string_view label) {
  return std::all_of(label.begin(), label.end(), [](char c) { return c >= '0' && c <= '9'; });
}

} // namespace

result<void> check_cert_name(std::string_view name) {
  return check_vm_name(name);
}

result<void> check_cert_host(std::string_view host) {
  const auto wrong = [&](const std::string& why) {
    return fail(ec::bad_request, "the host '" + std::string{host} + "' is not valid", why,
                "write a name like build.lan, or an address like 192.0.2.1");
  };
  if (is_numeric_address(std::string{host}))
    return {};
  if (host.empty())
    return wrong("it is empty");
  if (host.size() > longest_host)
    return wrong("it has more than 253 characters");
  if (host.find(':') != std::string_view::npos)
    return wrong("it is no IPv6 address, and a name has no ':'");
  std::string_view label;
  for (auto rest = host;;) {
    const auto dot = rest.find('.');
    label = rest.substr(0, dot);
    if (auto ok = check_vm_name(lower_case(label)); !ok)
      return wrong("'" + std::string{label} + "' cannot be part of a name");
    if (dot == std::string_view::npos)
      break;
    rest.remove_prefix(dot + 1);
  }
  return is_number(label) ? wrong("it is no address, and a name does not end in a number")
                          : result<void>{};
}

} // namespace banger::core
