#include "core/known_hosts_index.hpp"

#include "core/lower_case.hpp"

#include <algorithm>

namespace banger::core::known_hosts {

namespace {

/// True for a list of names that stand for themselves. Not for one that is so long that ssh may
/// give it up in its middle: only `matches` knows.
bool is_plain_list(std::string_view hosts) {
  constexpr std::size_t longest = 1000;
  return hosts.size() <= longest && hosts.find_first_of("*?!") == std::string_view::npos;
}

} // namespace

line_index::line_index(std::vector<line> lines)
    : lines_(std::make_shared<const std::vector<line>>(std::move(lines))) {
  plain_.reserve(lines_->size());
  for (std::size_t i = 0; i < lines_->size(); ++i)
    add(lines_->at(i), i);
}

void line_index::add(const line& from, std::size_t number) {
  if (!from.is_valid)
    return;
  if (from.hosts.starts_with('|'))
    hashed_.add(from.hosts, number);
  else if (is_plain_list(from.hosts))
    add_plain_list(from.hosts, number);
  else
    patterns_.push_back(number);
}

void line_index::add_plain_list(std::string_view hosts, std::size_t number) {
  while (!hosts.empty()) {
    const auto name = hosts.substr(0, hosts.find(','));
    plain_.emplace(lower_case(name), number);
    hosts.remove_prefix(std::min(name.size() + 1, hosts.size()));
  }
}

std::vector<const line*> line_index::find(std::string_view name) {
  const std::string key(name);
  const auto known = remembered_.find(key);
  if (known != remembered_.end())
    return known->second;
  if (remembered_.size() >= most_remembered)
    remembered_.clear();
  return remembered_.emplace(key, look_up(key)).first->second;
}

std::vector<const line*> line_index::look_up(const std::string& name) const {
  auto numbers = hashed_.find(name);
  const auto [first, last] = plain_.equal_range(name);
  for (auto each = first; each != last; ++each)
    numbers.push_back(each->second);
  for (const auto number : patterns_)
    if (matches(lines_->at(number).hosts, name))
      numbers.push_back(number);
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end()); // twice in one list
  std::vector<const line*> out;
  for (const auto number : numbers)
    out.push_back(&lines_->at(number));
  return out;
}

} // namespace banger::core::known_hosts
