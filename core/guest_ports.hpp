// What listens in a guest, as its agent tells it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace banger::core {

struct guest_port {
  std::string protocol; ///< "tcp" or "udp"
  std::string address;
  std::uint16_t port = 0;
  std::int32_t pid = 0; ///< of a process that has it; 0: not known
  std::string process;  ///< its name, as it calls itself
  friend bool operator==(const guest_port&, const guest_port&) = default;
};

/// Reads what `banger-agent ports` prints: a JSON record a line. @returns nothing where a line is
/// no such record
[[nodiscard]] std::optional<std::vector<guest_port>> parse_guest_ports(std::string_view text);

/// Whether a port belongs to the system of a guest, so that nobody means it who asks for all.
[[nodiscard]] bool is_system_port(std::uint16_t port);

} // namespace banger::core
