// Names of signals, as signal(7) and RFC 4254 section 6.10 have them: without "SIG".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace banger::core {

/// The number of "TERM"; none of a name that this system has no signal for.
[[nodiscard]] std::optional<std::int32_t> signal_number(std::string_view name);

/// The number of "TERM", "SIGTERM" or "15".
[[nodiscard]] std::optional<std::int32_t> parse_signal(std::string_view text);

} // namespace banger::core
