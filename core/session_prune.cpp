#include "core/session_prune.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>

namespace banger::core {

std::int64_t over_since_ms(const session_info& x) {
  return std::max(x.ended_at_ms, x.created_at_ms);
}

std::vector<session_info> to_prune(const std::vector<session_info>& all, const prune_rule& rule,
                                   std::int64_t now_ms) {
  std::map<std::string, std::vector<const session_info*>> over; // by VM
  std::set<std::string> seen;
  for (const auto& x : all)
    if (is_over(x.state) && seen.insert(x.id).second)
      over[x.vm_name].push_back(&x);
  std::set<std::string> going;
  for (auto& [vm, sessions] : over) {
    std::stable_sort(sessions.begin(), sessions.end(), [](const auto* a, const auto* b) {
      return over_since_ms(*a) > over_since_ms(*b);
    });
    for (std::size_t i = rule.keep_newest; i < sessions.size(); ++i)
      if (sessions[i]->client_count == 0 &&
          now_ms - over_since_ms(*sessions[i]) >= rule.least_age_ms)
        going.insert(sessions[i]->id);
  }
  std::vector<session_info> out;
  for (const auto& x : all)
    if (going.erase(x.id) != 0)
      out.push_back(x);
  return out;
}

} // namespace banger::core
