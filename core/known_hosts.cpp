#include "core/known_hosts.hpp"

#include "core/hashed_names.hpp"
#include "core/lower_case.hpp"

#include <algorithm>

namespace banger::core::known_hosts {

namespace {

constexpr std::size_t longest_element =
    1022; // ssh gives up on a longer one: match_pattern_list, sub[1024]

/// True if `pattern`, in which `*` stands for any text and `?` for any byte, matches the whole of
/// `name`. Goes back to the last `*` only, so it is never worse than one size times the other.
bool glob_matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0;
  std::size_t n = 0;
  auto star = std::string_view::npos; // the last `*` seen
  std::size_t star_end = 0;           // the end of what it stands for
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_end = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_end;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool list_matches(std::string_view list, std::string_view name) {
  bool is_match = false;
  while (!list.empty()) {
    const bool is_negated = list.front() == '!';
    if (is_negated)
      list.remove_prefix(1);
    const auto element = list.substr(0, list.find(','));
    if (element.size() > longest_element)
      return false;
    list.remove_prefix(std::min(element.size() + 1, list.size()));
    if (!glob_matches(lower_case(element), name))
      continue;
    if (is_negated)
      return false;
    is_match = true;
  }
  return is_match;
}

} // namespace

std::string host_name_for(std::string_view host, std::uint16_t port) {
  auto name = lower_case(host);
  if (port == 0 || port == default_port)
    return name;
  return "[" + name + "]:" + std::to_string(port);
}

bool matches(std::string_view hosts, std::string_view name) {
  return hosts.starts_with('|') ? hashed_name_matches(hosts, name) : list_matches(hosts, name);
}

std::vector<const line*> matching_lines(const std::vector<line>& lines, std::string_view name) {
  std::vector<const line*> out;
  for (const auto& entry : lines)
    if (entry.is_valid && matches(entry.hosts, name))
      out.push_back(&entry);
  return out;
}

} // namespace banger::core::known_hosts
