#include "core/process_usage.hpp"

#include <algorithm>
#include <charconv>

namespace banger::core {

namespace {

/// The word that begins at `at`, which moves behind it and its space.
std::string_view next_word(std::string_view text, std::size_t& at) {
  const auto begin = std::min(text.find_first_not_of(" \n", at), text.size());
  const auto end = std::min(text.find_first_of(" \n", begin), text.size());
  at = end;
  return text.substr(begin, end - begin);
}

std::optional<std::uint64_t> number(std::string_view word) {
  std::uint64_t x = 0;
  const auto* end = word.data() + word.size();
  const auto parsed = std::from_chars(word.data(), end, x);
  if (word.empty() || parsed.ec != std::errc{} || parsed.ptr != end)
    return std::nullopt;
  return x;
}

} // namespace

std::optional<process_stat> parse_process_stat(std::string_view text) {
  enum field : int { state = 3, utime = 14, stime = 15, start = 22, resident = 24 };
  auto at = text.rfind(')'); // the program's name may hold spaces and brackets
  if (at == std::string_view::npos)
    return std::nullopt;
  ++at;
  process_stat x;
  for (int field = state; field <= resident; ++field) {
    const auto word = next_word(text, at);
    if (word.empty())
      return std::nullopt;
    if (field != utime && field != stime && field != start && field != resident)
      continue;
    const auto value = number(word);
    if (!value)
      return std::nullopt;
    if (field == start)
      x.start_ticks = *value;
    else if (field == resident)
      x.resident_pages = *value;
    else
      x.cpu_ticks += *value;
  }
  return x;
}

std::uint64_t parse_proportional_bytes(std::string_view text) {
  constexpr std::string_view label = "\nPss:";
  auto at = text.find(label);
  if (at == std::string_view::npos)
    return 0;
  at += label.size();
  return number(next_word(text, at)).value_or(0) << 10;
}

std::uint64_t qcow2_virtual_bytes(std::string_view header) {
  constexpr std::string_view magic{"QFI\xfb", 4};
  constexpr std::size_t size_at = 24, size_end = 32;
  if (header.size() < size_end || !header.starts_with(magic))
    return 0;
  std::uint64_t x = 0;
  for (auto at = size_at; at < size_end; ++at)
    x = x << 8 | static_cast<unsigned char>(header[at]);
  return x;
}

double cpu_percent(std::uint64_t cpu_ms, std::uint64_t interval_ms) {
  return interval_ms == 0 ? 0
                          : 100 * static_cast<double>(cpu_ms) / static_cast<double>(interval_ms);
}

} // namespace banger::core
