#include "helper/network.hpp"

#include "core/bridge_network.hpp"
#include "helper/firewall.hpp"
#include "helper/tap_device.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace banger::helper {

namespace {

struct tap {
  link at;
  std::uint32_t index = 0;
  core::tap_note note;
};

constexpr std::ptrdiff_t taps_max = 512; // of a user

void keep_first(result<void>& first, result<void> next) {
  if (first && !next)
    first = std::move(next);
}

} // namespace

/// What of the host's links is ours.
struct network::view {
  std::optional<link> bridge;
  std::vector<tap> taps;

  [[nodiscard]] const tap* find(std::uint32_t index) const {
    auto found =
        std::find_if(taps.begin(), taps.end(), [index](const tap& x) { return x.index == index; });
    return found == taps.end() ? nullptr : &*found;
  }

  [[nodiscard]] std::vector<std::uint32_t> with_nat() const {
    std::vector<std::uint32_t> all;
    for (const auto& x : taps)
      if (x.note.has_nat)
        all.push_back(x.index);
    return all;
  }
};

result<network> network::open(std::uint32_t owner) {
  auto all = links::open();
  if (!all)
    return tl::make_unexpected(all.error());
  return network{std::move(*all), owner};
}

result<network::view> network::look() const {
  auto all = links_.list();
  if (!all)
    return tl::make_unexpected(all.error());
  view now;
  for (auto& x : *all) {
    auto index = core::tap_index(x.name);
    auto note = core::tap_note_from(x.alias);
    if (index && note) // one without our alias is somebody else's, or not made whole
      now.taps.push_back({std::move(x), *index, *note});
    else if (x.name == core::bridge_name)
      now.bridge = std::move(x);
  }
  return now;
}

result<int> network::ensure_bridge() {
  auto now = look();
  if (!now)
    return tl::make_unexpected(now.error());
  if (now->bridge)
    return now->bridge->index;
  auto made = links_.make_bridge(core::bridge_name, core::bridge_address, core::bridge_prefix,
                                 core::bridge_mac, core::bridge_alias(false));
  if (!made)
    return tl::make_unexpected(made.error());
  now = look();
  if (!now)
    return tl::make_unexpected(now.error());
  if (!now->bridge)
    return fail(ec::failed, "make the bridge", "somebody removed it at once");
  return now->bridge->index;
}

result<void> network::check_count() const {
  auto now = look();
  if (!now)
    return tl::make_unexpected(now.error());
  const auto ours = std::count_if(now->taps.begin(), now->taps.end(),
                                  [this](const tap& x) { return x.note.owner == owner_; });
  if (ours >= taps_max)
    return fail(ec::no_space, "make a tap", "the user has " + std::to_string(ours) + " already",
                "banger vm stop VM");
  return {};
}

result<host::unique_fd> network::attach(std::uint32_t index, bool has_nat) {
  const auto name = core::tap_name(index);
  if (auto ok = check_count(); !ok)
    return tl::make_unexpected(ok.error());
  auto made = make_tap(name);
  if (!made)
    return made;
  result<void> ok;
  if (auto bridge = ensure_bridge(); bridge)
    ok = links_.add_port(name, *bridge, core::to_alias({owner_, has_nat}));
  else
    ok = tl::make_unexpected(bridge.error());
  if (ok)
    ok = settle();
  if (ok)
    return made;
  made->reset(); // the tap goes with it
  (void)settle();
  return tl::make_unexpected(ok.error());
}

result<void> network::lend(std::uint32_t index, bool has_nat) {
  auto made = attach(index, has_nat);
  if (!made)
    return tl::make_unexpected(made.error());
  if (auto kept = keep_for_user(*made, owner_); !kept)
    return kept;
  lent_.insert(index);
  return {}; // without our descriptor: a tap of one queue is one program's at a time
}

void network::end_loan(std::uint32_t index) {
  if (auto found = lent_.find(index); found != lent_.end())
    lent_.erase(found);
}

result<void> network::remove_unheld() {
  auto now = look();
  if (!now)
    return tl::make_unexpected(now.error());
  result<void> first;
  for (const auto& x : now->taps)
    if (x.note.owner == owner_ && !x.at.has_carrier && !lent_.contains(x.index))
      keep_first(first, links_.remove(x.at.index));
  return first;
}

result<void> network::release(std::uint32_t index) {
  auto now = look();
  if (!now)
    return tl::make_unexpected(now.error());
  if (const auto* found = now->find(index)) {
    if (found->note.owner != owner_)
      return fail(ec::bad_request, "remove the tap " + found->at.name, "it is another user's");
    if (auto removed = links_.remove(found->at.index); !removed)
      return removed;
  }
  return settle();
}

result<void> network::set_nat(std::uint32_t index, bool has_nat) {
  auto now = look();
  if (!now)
    return tl::make_unexpected(now.error());
  const auto* found = now->find(index);
  if (found == nullptr)
    return fail(ec::not_found, "change the NAT of " + core::tap_name(index),
                "there is no such tap");
  if (found->note.owner != owner_)
    return fail(ec::bad_request, "change the NAT of " + found->at.name, "it is another user's");
  if (auto ok = links_.set_alias(found->at.index, core::to_alias({owner_, has_nat})); !ok)
    return ok;
  return settle();
}

result<void> network::settle() {
  auto now = look();
  if (!now)
    return tl::make_unexpected(now.error());
  return settle(*now);
}

result<void> network::settle(const view& now) {
  if (!now.bridge)
    return {}; // then there never was more
  const auto nat = now.with_nat();
  result<void> first;
  keep_first(first,
             run_nft(now.taps.empty() ? core::firewall_removal() : core::firewall_commands(nat)));
  auto was_off = core::was_forwarding_off(now.bridge->alias);
  auto forwards = is_forwarding();
  if (!forwards)
    keep_first(first, tl::make_unexpected(forwards.error()));
  else if (!nat.empty() && !*forwards) { // noted before it is changed: it must be found again
    auto ok = links_.set_alias(now.bridge->index, core::bridge_alias(true));
    keep_first(first, ok ? set_forwarding(true) : ok);
  } else if (nat.empty() && was_off) {
    auto ok = set_forwarding(false);
    keep_first(first, ok ? links_.set_alias(now.bridge->index, core::bridge_alias(false)) : ok);
  }
  if (now.taps.empty() && first)
    keep_first(first, links_.remove(now.bridge->index));
  return first;
}

result<core::helper_counts> network::count() const {
  auto now = look();
  if (!now)
    return tl::make_unexpected(now.error());
  auto forwards = is_forwarding();
  if (!forwards)
    return tl::make_unexpected(forwards.error());
  core::helper_counts x;
  x.taps = static_cast<std::uint32_t>(now->taps.size());
  x.with_nat = static_cast<std::uint32_t>(now->with_nat().size());
  x.has_bridge = now->bridge.has_value();
  x.is_forwarding = *forwards;
  return x;
}

} // namespace banger::helper
