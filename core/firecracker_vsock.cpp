#include "core/firecracker_vsock.hpp"

#include <charconv>

namespace banger::core::firecracker {

std::string connect_line(std::uint32_t port) {
  return "CONNECT " + std::to_string(port) + "\n";
}

result<std::uint32_t> parse_connect_reply(std::string_view line) {
  constexpr std::string_view accepted = "OK ";
  std::uint32_t port = 0;
  if (line.starts_with(accepted)) {
    const auto* end = line.data() + line.size();
    auto [next, error] = std::from_chars(line.data() + accepted.size(), end, port);
    if (error == std::errc{} && next == end)
      return port;
  }
  return fail(ec::unreachable, "connect to the guest by vsock",
              line.empty() ? "nothing listens there" : "Firecracker answered something else");
}

std::string guest_initiated_path(const std::string& device_path, std::uint32_t port) {
  return device_path + "_" + std::to_string(port);
}

} // namespace banger::core::firecracker
