// What processes and disks take, out of the texts and headers that say so. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace banger::core {

/// Of /proc/PID/stat. Source: proc(5).
struct process_stat {
  std::uint64_t cpu_ticks = 0;      ///< utime + stime, fields 14 and 15, of all its threads
  std::uint64_t start_ticks = 0;    ///< field 22
  std::uint64_t resident_pages = 0; ///< field 24
  friend bool operator==(const process_stat&, const process_stat&) = default;
};

/// @returns nothing where the text is not such a line, or is cut short.
[[nodiscard]] std::optional<process_stat> parse_process_stat(std::string_view text);

/// The line "Pss:" of /proc/PID/smaps_rollup, in bytes; 0 where there is none. Source: the kernel's
/// Documentation/ABI/testing/procfs-smaps_rollup.
[[nodiscard]] std::uint64_t parse_proportional_bytes(std::string_view text);

/// The size that a guest sees of a qcow2 disk; 0 where `header` does not begin one. 32 bytes are
/// enough. Source: QEMU's docs/interop/qcow2.txt.
[[nodiscard]] std::uint64_t qcow2_virtual_bytes(std::string_view header);

/// Hundredths of one processor: 100 is one that was busy all the time. 0 where no time has passed.
[[nodiscard]] double cpu_percent(std::uint64_t cpu_ms, std::uint64_t interval_ms);

} // namespace banger::core
