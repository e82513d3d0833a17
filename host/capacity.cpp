#include "host/capacity.hpp"

#include "host/files.hpp"

#include <algorithm>
#include <charconv>
#include <sys/statvfs.h>
#include <thread>

namespace banger::host {

namespace {

std::uint64_t free_mib(const std::string& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0)
    return 0;
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize >> 20U;
}

} // namespace

std::uint64_t meminfo_mib(std::string_view text, std::string_view name) {
  const auto label = std::string{name} + ":";
  for (std::size_t at = 0; at < text.size();) {
    const auto line = text.substr(at, text.find('\n', at) - at);
    at += line.size() + 1;
    if (!line.starts_with(label))
      continue;
    const auto digits = line.find_first_not_of(' ', label.size());
    std::uint64_t kib = 0;
    if (digits != std::string_view::npos)
      std::from_chars(line.data() + digits, line.data() + line.size(), kib);
    return kib >> 10U;
  }
  return 0;
}

capacity look_at_capacity(const std::string& path) {
  constexpr std::size_t most = 64U << 10;
  capacity x;
  x.cpu_count = std::max(1U, std::thread::hardware_concurrency());
  if (auto text = read_file("/proc/meminfo", most)) {
    x.memory_mib = meminfo_mib(*text, "MemTotal");
    x.memory_free_mib = meminfo_mib(*text, "MemAvailable");
  }
  x.disk_free_mib = free_mib(path);
  return x;
}

} // namespace banger::host
