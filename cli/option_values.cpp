#include "cli/option_values.hpp"

#include "core/sizes.hpp"

#include <algorithm>
#include <charconv>

namespace banger::cli {

result<std::uint32_t> parse_number(const std::string& text, const std::string& what,
                                   std::uint32_t most) {
  std::uint32_t x = 0;
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), x);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() || x == 0 || x > most)
    return fail(ec::bad_request, what + " '" + text + "' is not possible",
                "it must be a number from 1 to " + std::to_string(most));
  return x;
}

result<void> take_seconds(const std::string& text, const std::string& what, std::uint32_t& out_ms) {
  if (text.empty())
    return {};
  constexpr std::uint32_t day = 86'400;
  auto digits = text;
  std::uint32_t unit = 1;
  if (text.ends_with('s') || text.ends_with('m') || text.ends_with('h')) {
    unit = text.back() == 'h' ? 3600 : text.back() == 'm' ? 60 : 1;
    digits.pop_back();
  }
  auto count = parse_number(digits, what, day / unit);
  if (!count)
    return fail(ec::bad_request, what + " '" + text + "' is not a time", "",
                "write it like 30, 30s, 5m or 1h");
  out_ms = *count * unit * 1000;
  return {};
}

result<void> take_age(const std::string& text, const std::string& what, std::int64_t& out_ms) {
  if (text.empty())
    return {};
  constexpr std::uint32_t day = 86'400, longest = 3650 * day;
  auto digits = text;
  std::uint32_t unit = 0;
  switch (text.back()) {
    case 's': unit = 1; break;
    case 'm': unit = 60; break;
    case 'h': unit = 3600; break;
    case 'd': unit = day; break;
    default: break;
  }
  digits.pop_back();
  auto count = unit == 0 ? fail(ec::bad_request, what) : parse_number(digits, what, longest / unit);
  if (!count)
    return fail(ec::bad_request, what + " '" + text + "' is not a time", "",
                "write it like 90s, 10m, 12h or 7d");
  out_ms = std::int64_t{*count} * unit * 1000;
  return {};
}

result<void> take_size(const std::string& text, const std::string& what, std::uint32_t& out) {
  if (text.empty())
    return {};
  auto size = core::parse_size_mib(text, what);
  if (!size)
    return tl::make_unexpected(size.error());
  out = *size;
  return {};
}

bool wants_json(const std::vector<std::string>& line) {
  for (std::size_t i = 0; i < line.size(); ++i)
    if (line[i].starts_with("-ojson") || line[i].starts_with("--output=json") ||
        ((line[i] == "-o" || line[i] == "--output") && i + 1 < line.size() &&
         line[i + 1].starts_with("json")))
      return true;
  return false;
}

void drop_repeated(std::vector<std::string>& words) {
  std::vector<std::string> kept;
  for (auto& word : words)
    if (std::find(kept.begin(), kept.end(), word) == kept.end())
      kept.push_back(std::move(word));
  words = std::move(kept);
}

} // namespace banger::cli
