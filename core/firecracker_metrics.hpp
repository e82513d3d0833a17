// The metrics Firecracker writes: one JSON object a line, every minute and when it is told to.
// Pure. Source: Firecracker's docs/metrics.md and src/vmm/src/logger/metrics.rs.
#pragma once

#include "protocol/result.hpp"

#include <cstdint>
#include <string_view>

namespace banger::core::firecracker {

/// What we use of them. Firecracker's counters start anew with each line, so lines add up.
struct metrics_sum {
  std::int64_t at_ms = 0; ///< of the newest line, Unix time
  std::uint32_t lines = 0;
  std::uint64_t net_rx_bytes = 0; ///< to the guest
  std::uint64_t net_tx_bytes = 0; ///< from the guest
  std::uint64_t block_read_bytes = 0;
  std::uint64_t block_write_bytes = 0;
  std::uint64_t vsock_rx_bytes = 0;
  std::uint64_t vsock_tx_bytes = 0;
  std::uint64_t seccomp_faults = 0; ///< system calls that its filter refused: it then ends
  friend bool operator==(const metrics_sum&, const metrics_sum&) = default;
};

/// Adds one line. What it lacks counts as 0, as Firecrackers differ in what they count. Errors:
/// hypervisor_failed where it is no object with a time; `sum` is then as it was.
[[nodiscard]] result<void> add_metrics(metrics_sum& sum, std::string_view line);

/// All whole lines of a metrics file; one that Firecracker has not finished is left out. Errors: as
/// add_metrics.
[[nodiscard]] result<metrics_sum> parse_metrics(std::string_view text);

} // namespace banger::core::firecracker
