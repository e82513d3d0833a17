// The clocks. Only actors and main programs read them; core/ is told the time.
#pragma once

#include <chrono>
#include <cstdint>

namespace banger::host {

/// Milliseconds since 1970-01-01 UTC.
[[nodiscard]] inline std::int64_t unix_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

} // namespace banger::host
