#include "core/signal_name.hpp"

#include <csignal>
#include <cstring>
#include <string>

namespace banger::core {

std::optional<std::int32_t> signal_number(std::string_view name) {
  for (std::int32_t number = 1; number <= SIGSYS; ++number)
    if (const auto* known = ::sigabbrev_np(number); known != nullptr && name == known)
      return number;
  return std::nullopt;
}

std::optional<std::int32_t> parse_signal(std::string_view text) {
  if (text.starts_with("SIG"))
    text.remove_prefix(3);
  if (auto number = signal_number(text))
    return number;
  for (std::int32_t number = 1; number <= SIGSYS; ++number)
    if (text == std::to_string(number))
      return number;
  return std::nullopt;
}

} // namespace banger::core
