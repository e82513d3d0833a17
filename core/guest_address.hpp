// The loopback addresses of guests: 127.77.0.2 to 127.77.255.254, one per VM, as numbers and text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace banger::core {

/// How many addresses there are.
inline constexpr std::uint32_t guest_address_count = 256U * 253U;

/// The port where a guest's sshd is reached. Not 22: that needs root, and a host's own sshd may
/// hold it on all addresses.
inline constexpr std::uint16_t guest_ssh_port = 2222;

/// The address with this index; 0 is "127.77.0.2". @pre index < guest_address_count
[[nodiscard]] std::string guest_address(std::uint32_t index);

/// The index of an address, or nothing where it is not one of ours.
[[nodiscard]] std::optional<std::uint32_t> guest_address_index(std::string_view address);

} // namespace banger::core
