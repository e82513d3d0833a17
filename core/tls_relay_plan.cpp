#include "core/tls_relay_plan.hpp"

#include "core/forward_spec.hpp"

#include <algorithm>

namespace banger::core {

std::vector<std::string> tls_relay_arguments(const std::string& program, const tls_relay_plan& plan,
                                             const std::string& socket, int parent) {
  return {program,     "listen",
          "--address", endpoint_text(plan.where.host, plan.where.port),
          "--certs",   plan.certs,
          "--socket",  socket,
          "--parent",  std::to_string(parent)};
}

std::string parse_listening(std::string_view line) {
  constexpr std::string_view word = "listening ";
  return line.starts_with(word) ? std::string{line.substr(word.size())} : std::string{};
}

std::chrono::milliseconds tls_relay_pause(std::uint32_t ends) {
  using namespace std::chrono_literals;
  constexpr auto first = 100ms, longest = 60'000ms;
  constexpr std::uint32_t most_doublings = 10;
  return std::min(first * (1U << std::min(std::max(ends, 1U) - 1, most_doublings)), longest);
}

} // namespace banger::core
