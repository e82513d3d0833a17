#include "core/owner_table.hpp"

#include "core/vm_name.hpp"

#include <algorithm>
#include <utility>

namespace banger::core {

namespace {

constexpr std::uint32_t shortest_ms = 1'000, longest_ms = 3'600'000;

} // namespace

owner_table::owner_table(std::string boot_id, std::uint64_t first_stamp,
                         const std::vector<owner_record>& saved)
    : boot_id_(std::move(boot_id)), first_stamp_(first_stamp) {
  for (const auto& x : saved)
    put(x);
}

result<owner_record> owner_table::renewed(const renew_owner& x, std::int64_t now_ms) const {
  const auto what = "renew the lease of '" + x.owner + "'";
  if (!check_vm_name(x.owner))
    return fail(ec::bad_request, what,
                "an owner's name is made of a-z, 0-9 and '-', up to 63 of them");
  if (x.token > INT64_MAX)
    return fail(ec::bad_request, what, "the token has more than 63 bits");
  if (x.ttl_ms < shortest_ms || x.ttl_ms > longest_ms)
    return fail(ec::bad_request, what,
                std::to_string(x.ttl_ms) + " ms is too " +
                    (x.ttl_ms < shortest_ms ? "short" : "long"),
                "from 1 second to 1 hour");
  if (const auto known = all_.find(x.owner); known != all_.end() && x.token < known->second.token)
    return fail(ec::wrong_state, what,
                "token " + std::to_string(x.token) + " is older than " +
                    std::to_string(known->second.token),
                "another one has taken over: leave its VMs alone");
  return owner_record{x.owner, x.token, x.ttl_ms, boot_id_, end_of(x, now_ms)};
}

std::int64_t owner_table::end_of(const renew_owner& x, std::int64_t now_ms) const {
  if (x.stamp == 0)
    return now_ms + x.ttl_ms;
  const auto end = is_live(x.owner, now_ms) ? all_.at(x.owner).ends_at_boot_ms : now_ms;
  const auto age = stamp(now_ms) - x.stamp; // one that was never given is as good as infinitely old
  return age < x.ttl_ms ? std::max(end, now_ms - static_cast<std::int64_t>(age) + x.ttl_ms) : end;
}

result<void> owner_table::check(const check_owner& x, std::int64_t now_ms) const {
  const auto what = (x.needs_lease ? "run a VM of '" : "delete a VM of '") + x.owner + "'";
  const auto known = all_.find(x.owner);
  if (known == all_.end() || (x.needs_lease && !is_live(x.owner, now_ms)))
    return fail(ec::wrong_state, what, "its lease has ended, or never began",
                "banger owner renew " + x.owner + " --token N --ttl S");
  if (x.has_token && known->second.token != x.token)
    return fail(ec::wrong_state, what,
                "token " + std::to_string(x.token) + " is not that of its lease, " +
                    std::to_string(known->second.token),
                "another one may have taken over");
  return {};
}

bool owner_table::is_live(const std::string& owner, std::int64_t now_ms) const {
  const auto known = all_.find(owner);
  return known != all_.end() && known->second.boot_id == boot_id_ &&
         now_ms < known->second.ends_at_boot_ms;
}

std::optional<std::int64_t> owner_table::next_end(std::int64_t now_ms) const {
  std::optional<std::int64_t> first;
  for (const auto& [owner, x] : all_)
    if (is_live(owner, now_ms))
      first = std::min(first.value_or(x.ends_at_boot_ms), x.ends_at_boot_ms);
  return first;
}

std::uint32_t owner_table::left_ms(const std::string& owner, std::int64_t now_ms) const {
  return is_live(owner, now_ms)
             ? static_cast<std::uint32_t>(all_.at(owner).ends_at_boot_ms - now_ms)
             : 0;
}

std::size_t owner_table::live_count(std::int64_t now_ms) const {
  return static_cast<std::size_t>(std::count_if(
      all_.begin(), all_.end(), [&](const auto& x) { return is_live(x.first, now_ms); }));
}

} // namespace banger::core
