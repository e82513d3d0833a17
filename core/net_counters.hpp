// How much went through a VM's user-mode network: a small file in its folder that banger-net keeps
// mapped and counts in, and that whoever wants to know reads. No message, so it costs the network
// nothing to be looked at, and survives the daemon.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace banger::core {

/// The file's bytes are those of this struct, in the host's byte order: it never leaves the host.
struct net_counters {
  std::uint64_t magic = 0;
  std::uint64_t sent_bytes = 0;     ///< by the guest, Ethernet frames with their headers
  std::uint64_t received_bytes = 0; ///< likewise, to it
};

inline constexpr std::uint64_t net_counters_magic = 0x31746e65'676e6162; // "bangent1"

/// Where the counters of a VM are.
[[nodiscard]] std::string net_counters_path(const std::string& vm_directory);

/// @returns nothing where the bytes are not such a file.
[[nodiscard]] std::optional<net_counters> parse_net_counters(std::string_view bytes);

} // namespace banger::core
