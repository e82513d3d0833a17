#include "core/guest_memory.hpp"

#include <charconv>

namespace banger::core {

std::optional<guest_memory> parse_guest_memory(std::string_view line) {
  constexpr std::string_view word = "memory ";
  constexpr std::uint64_t most_kib = 1ULL << 40; // a guest says what it wants
  if (!line.starts_with(word))
    return std::nullopt;
  const auto* at = line.data() + word.size();
  const auto* end = line.data() + line.size();
  std::uint64_t total = 0, available = 0;
  const auto first = std::from_chars(at, end, total);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != ' ')
    return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, available);
  if (second.ec != std::errc{} || second.ptr != end || total > most_kib || available > total)
    return std::nullopt;
  return guest_memory{total << 10, (total - available) << 10};
}

} // namespace banger::core
