// The network of VMs with a tap: names, addresses and firewall rules, as text. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace banger::core {

/// The bridge all taps are ports of, with the host's own address in the guests' network.
inline constexpr std::string_view bridge_name = "bgr-br0";
inline constexpr std::string_view bridge_address = "10.77.0.1";
inline constexpr unsigned bridge_prefix = 16;

/// Fixed, because a bridge takes the lowest address of its ports else, and guests would lose it
/// with each VM that comes or goes. Locally administered.
inline constexpr unsigned char bridge_mac[6] = {0x02, 0x62, 0x67, 0x72, 0x00, 0x01};

/// A guest's address on the bridge, "10.77.0.2" for 0: the same numbers as core::guest_address.
/// @pre index < guest_address_count
[[nodiscard]] std::string bridged_address(std::uint32_t index);

/// The index of such an address, or nothing where it is none.
[[nodiscard]] std::optional<std::uint32_t> bridged_address_index(std::string_view address);

/// The tap of the guest with this address, "bgr-t0000". So no two guests have one address: the
/// kernel refuses the second tap.
[[nodiscard]] std::string tap_name(std::uint32_t index);
[[nodiscard]] std::optional<std::uint32_t> tap_index(std::string_view name);

/// What is to be kept of a link stands in its alias (ip-link(8)): it lives and goes with the link,
/// whoever removes it.
struct tap_note {
  std::uint32_t owner = 0; ///< user id
  bool has_nat = false;
  friend bool operator==(const tap_note&, const tap_note&) = default;
};

[[nodiscard]] std::string to_alias(const tap_note& note);
[[nodiscard]] std::optional<tap_note> tap_note_from(std::string_view alias);

/// The bridge's alias: whether IPv4 forwarding was off before it, so that it is to be off after.
[[nodiscard]] std::string bridge_alias(bool was_forwarding_off);
[[nodiscard]] bool was_forwarding_off(std::string_view alias);

/// nft(8) commands that put banger's table in the place of what it was, in one transaction.
/// @param nat_indexes  of the guests that reach other networks than the bridge's
[[nodiscard]] std::string firewall_commands(const std::vector<std::uint32_t>& nat_indexes);

/// nft(8) commands that remove banger's table; fine where there is none.
[[nodiscard]] std::string firewall_removal();

/// The first name server of a resolv.conf(5) that a guest can reach: IPv4, not on the loopback.
/// Empty where there is none.
[[nodiscard]] std::string reachable_name_server(std::string_view resolv_conf);

} // namespace banger::core
