// The clocks. Only actors and main programs read them; core/ is told the time.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>

namespace banger::host {

/// Milliseconds since 1970-01-01 UTC.
[[nodiscard]] inline std::int64_t unix_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

/// Milliseconds since this boot, those in which the machine was suspended included.
[[nodiscard]] inline std::int64_t boot_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000 + now.tv_nsec / 1'000'000;
}

} // namespace banger::host
