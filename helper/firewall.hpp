// The host's firewall and forwarding, as far as they are banger's: its own nftables table, and
// net.ipv4.ip_forward.
#pragma once

#include "protocol/result.hpp"

#include <string>

namespace banger::helper {

/// Runs nft(8) commands as one transaction, in this process. Errors: failed, with nft's own words;
/// then nothing was changed. Source: libnftables(3).
[[nodiscard]] result<void> run_nft(const std::string& commands);

/// Whether this host passes IPv4 packets on. Errors: failed.
[[nodiscard]] result<bool> is_forwarding();
[[nodiscard]] result<void> set_forwarding(bool is_on);

} // namespace banger::helper
