#include "core/signal_name.hpp"

#include <csignal>
#include <cstring>

namespace banger::core {

std::optional<std::int32_t> signal_number(std::string_view name) {
  for (std::int32_t number = 1; number <= SIGSYS; ++number)
    if (const auto* known = ::sigabbrev_np(number); known != nullptr && name == known)
      return number;
  return std::nullopt;
}

} // namespace banger::core
