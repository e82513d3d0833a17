// How much of this machine there is, and how much of it is free.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace banger::host {

struct capacity {
  std::uint32_t cpu_count = 0; ///< that this process may use
  std::uint64_t memory_mib = 0;
  std::uint64_t memory_free_mib = 0; ///< MemAvailable of proc(5)
  std::uint64_t disk_free_mib = 0;   ///< that this user may use
};

/// @param path  on the disk that is meant. What cannot be read is 0.
[[nodiscard]] capacity look_at_capacity(const std::string& path);

/// A line's number of kB, in MiB; 0 where there is no such line. @param text  of /proc/meminfo
[[nodiscard]] std::uint64_t meminfo_mib(std::string_view text, std::string_view name);

} // namespace banger::host
