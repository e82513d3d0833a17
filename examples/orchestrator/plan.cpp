#include "plan.hpp"

#include <optional>
#include <tuple>
#include <utility>

namespace orchestrator {

namespace {

constexpr std::int64_t soon_ms = 500;

/// One decision as it grows. Each step sees what the ones before it have decided.
class planner {
public:
  planner(const settings& wanted, const fleet& known, const views& hosts, std::int64_t now_ms)
      : wanted_(wanted), hosts_(hosts), now_ms_(now_ms) {
    out_.next = known;
    for (std::uint32_t i = 1; i <= wanted.count; ++i)
      names_.insert("web-" + std::to_string(i));
    for (const auto& host : wanted.hosts)
      out_.next.hosts.try_emplace(host, host_record{0, now_ms + wanted.ttl_ms, 0});
  }

  decision run() {
    find_lost();
    for (const auto& host : wanted_.hosts)
      take_back(host);
    forget_what_is_gone();
    place();
    for (const auto& host : wanted_.hosts)
      serve(host);
    drain_one();
    renew();
    forget_longer_leases();
    out_.is_done = is_done();
    return std::move(out_);
  }

private:
  // -- what is known

  host_record& record(const std::string& host) { return out_.next.hosts[host]; }

  const host_view& view(const std::string& host) const {
    static const host_view silent;
    const auto found = hosts_.find(host);
    return found == hosts_.end() ? silent : found->second;
  }

  /// @returns where the name may run; empty where it has no place
  std::string place_of(const std::string& name) const {
    const auto found = out_.next.places.find(name);
    return found == out_.next.places.end() ? std::string{} : found->second;
  }

  bool is_lost(const std::string& host) { return record(host).lost_ms != 0; }

  /// It has said what it has since it counts, and can be asked for more.
  bool is_up(const std::string& host) {
    const auto& x = view(host);
    return !is_lost(host) && x.is_answering && x.heard_ms > 0;
  }

  /// What it has, since it was lost if it was.
  bool has_said(const std::string& host) {
    const auto& x = view(host);
    return !x.is_silent && x.heard_ms > record(host).lost_ms;
  }

  bool is_drained(const std::string& host) const { return wanted_.drained.contains(host); }

  /// An order for it anywhere: what was asked may still be done, so nothing else may be decided.
  /// What a host has done that was lost since, ended with its lease.
  bool is_asked_for(const std::string& name) {
    return std::any_of(hosts_.begin(), hosts_.end(), [&](const auto& x) {
      const auto& [host, seen] = x;
      return !seen.under_way.empty() && seen.under_way.front().name == name &&
             (seen.ordered_ms == 0 || !is_lost(host));
    });
  }

  bool is_running(const std::string& name) {
    const auto host = place_of(name);
    if (host.empty() || !is_up(host) || is_asked_for(name))
      return false;
    const auto& vms = view(host).vms;
    const auto found = vms.find(name);
    return found != vms.end() && found->second.condition == vm_condition::running;
  }

  /// It is at the host, and has no business there.
  bool is_stale(const std::string& name, const std::string& host) const {
    return place_of(name) != host || !names_.contains(name);
  }

  void tell(std::string what, std::string name, std::string host) {
    out_.changes.push_back({std::move(what), std::move(name), std::move(host), {}});
  }

  // -- hosts that come and go

  /// Lost is a host only when its daemon has ended our VMs there: when the newest lease that it may
  /// have from us is over, and the margin.
  void find_lost() {
    for (auto& [host, x] : out_.next.hosts) {
      if (x.lost_ms != 0 || now_ms_ - x.ends_ms <= wanted_.margin_ms())
        continue;
      x.lost_ms = now_ms_;
      tell("host.lost", {}, host);
    }
  }

  /// A host that was lost serves again once what runs elsewhere now is gone from it. And a name
  /// that has no place is where it is found: the state may be older than the VM.
  void take_back(const std::string& host) {
    const auto& x = view(host);
    if (!has_said(host))
      return;
    for (const auto& [name, vm] : x.vms)
      if (names_.contains(name) && place_of(name).empty()) {
        out_.next.places[name] = host;
        tell("vm.adopted", name, host);
      }
    if (!is_lost(host) || std::any_of(x.vms.begin(), x.vms.end(),
                                      [&](const auto& vm) { return place_of(vm.first) != host; }))
      return;
    auto& back = record(host);
    back.lost_ms = 0;
    back.ends_ms = std::max(back.ends_ms, now_ms_); // time for a renewal, before it is lost again
    tell("host.up", {}, host);
  }

  /// Names that are not wanted, or are being moved, lose their place once nothing of them is there.
  void forget_what_is_gone() {
    std::erase_if(out_.next.places, [&](const auto& x) {
      const auto& [name, host] = x;
      const auto is_leaving = !names_.contains(name) || is_drained(host);
      return is_leaving && !is_asked_for(name) &&
             (is_lost(host) || (is_up(host) && !view(host).vms.contains(name)));
    });
    std::erase_if(out_.next.hosts, [&](const auto& x) {
      return std::find(wanted_.hosts.begin(), wanted_.hosts.end(), x.first) ==
                 wanted_.hosts.end() &&
             std::none_of(out_.next.places.begin(), out_.next.places.end(),
                          [&](const auto& y) { return y.second == x.first; });
    });
  }

  // -- placement

  struct room {
    std::int64_t memory_mib = 0;
    double load = 0; ///< virtual processors a processor
  };

  /// What a host has left when all that has its place there runs.
  room room_at(const std::string& host) const {
    const auto& x = view(host);
    std::int64_t promised = 0;
    for (const auto& [name, place] : out_.next.places) {
      const auto vm = x.vms.find(name);
      promised +=
          place == host && (vm == x.vms.end() || vm->second.condition != vm_condition::running);
    }
    return {static_cast<std::int64_t>(x.memory_free_mib) - promised * wanted_.memory_mib,
            static_cast<double>(x.vcpus_running + promised) / std::max(x.cpu_count, 1U)};
  }

  /// The host with the least load of those that have the memory; among equals, most memory.
  std::optional<std::string> best_host() {
    std::optional<std::string> best;
    room most;
    for (const auto& host : wanted_.hosts) {
      const auto x = room_at(host);
      if (!is_up(host) || is_drained(host) || x.memory_mib < wanted_.memory_mib)
        continue;
      if (best && std::tuple{x.load, -x.memory_mib} >= std::tuple{most.load, -most.memory_mib})
        continue;
      best = host;
      most = x;
    }
    return best;
  }

  /// Whether each host has said what it has, or has lost it: before that, a name without a place
  /// may run at one that is silent. And one that is new has a lease, so that it gets its share.
  bool is_all_known() {
    return std::all_of(out_.next.hosts.begin(), out_.next.hosts.end(), [&](const auto& x) {
      const auto& seen = view(x.first);
      return x.second.lost_ms != 0 || (seen.heard_ms > 0 && (seen.is_answering || seen.is_silent));
    });
  }

  void place() {
    const auto is_known = is_all_known();
    for (const auto& name : names_) {
      const auto old = place_of(name);
      const auto may_move = old.empty() ? is_known : is_lost(old);
      if (!may_move || is_asked_for(name))
        continue;
      if (const auto host = best_host()) {
        out_.next.places[name] = *host;
        tell("vm.placed", name, *host);
      }
    }
  }

  // -- what a host is asked for: one thing at a time

  void ask(const order& x) {
    out_.orders.push_back(x);
    asked_.insert(x.host);
  }

  bool is_free(const std::string& host) const {
    return view(host).under_way.empty() && !asked_.contains(host);
  }

  bool may_try(const std::string& host, const std::string& name) {
    const auto& all = view(host).not_before;
    const auto found = all.find(name);
    return !is_asked_for(name) && (found == all.end() || now_ms_ >= found->second);
  }

  /// First what must not be there goes, also from a host that still counts as lost; then what must
  /// be there runs.
  void serve(const std::string& host) {
    const auto& x = view(host);
    if (!is_free(host) || !has_said(host))
      return;
    for (const auto& [name, vm] : x.vms)
      if (is_stale(name, host) && may_try(host, name))
        return ask({order_kind::remove, host, name, vm.id});
    if (!is_up(host))
      return;
    for (const auto& name : names_)
      if (place_of(name) == host && may_try(host, name) && bring_up(host, name))
        return;
  }

  bool bring_up(const std::string& host, const std::string& name) {
    const auto& vms = view(host).vms;
    const auto vm = vms.find(name);
    if (vm == vms.end())
      ask({order_kind::create, host, name});
    else if (vm->second.condition == vm_condition::at_rest)
      ask({order_kind::start, host, name, vm->second.id});
    else
      return false;
    return true;
  }

  /// Takes one name from a drained host: when all others run, and there is room for it. It is made
  /// elsewhere when it is gone, for a name is only ever at one place.
  void drain_one() {
    for (const auto& [name, host] : out_.next.places) {
      if (!is_drained(host) || !is_up(host) || !is_free(host) || !may_try(host, name) ||
          !view(host).vms.contains(name))
        continue;
      const auto do_others_run = std::all_of(names_.begin(), names_.end(), [&](const auto& other) {
        return other == name || is_running(other);
      });
      if (!do_others_run || !best_host())
        continue;
      tell("vm.moving", name, host);
      return ask({order_kind::remove, host, name, view(host).vms.at(name).id});
    }
  }

  // -- leases

  /// A renewal counts from the stamp in it, which the host gave before we received it. So however
  /// long it is on its way, what the host makes of it is known here before it is sent. One that is
  /// lost is not to have a lease while anything of ours is left there: a start that was held up on
  /// its way would be obeyed.
  void renew() {
    for (const auto& host : wanted_.hosts) {
      const auto& seen = view(host);
      auto& x = record(host);
      // One that has answered and has no lease, be it new or back again, waits for it.
      const auto has_none =
          x.lost_ms == 0 && seen.heard_ms > 0 && !seen.is_answering && !seen.is_silent;
      const auto due =
          has_none ? std::min(seen.next_renewal_ms, x.sent_ms + soon_ms) : seen.next_renewal_ms;
      if (seen.is_being_renewed || now_ms_ < due)
        continue;
      x.sent_ms = now_ms_;
      if (x.lost_ms == 0)
        x.ends_ms = std::max(x.ends_ms, seen.stamp_ms + wanted_.ttl_ms);
      out_.renewals.push_back({host, x.lost_ms == 0 ? seen.stamp : no_stamp});
    }
  }

  /// The leases of a run before us, which may have been longer, are over.
  void forget_longer_leases() {
    const auto& all = out_.next.hosts;
    if (std::all_of(all.begin(), all.end(),
                    [&](const auto& x) { return x.second.ends_ms <= now_ms_ + wanted_.ttl_ms; }))
      out_.next.ttl_ms = wanted_.ttl_ms;
  }

  bool is_done() {
    const auto do_all_run = std::all_of(names_.begin(), names_.end(), [&](const auto& name) {
      return is_running(name) && !is_drained(place_of(name));
    });
    const auto is_at_work = std::any_of(hosts_.begin(), hosts_.end(),
                                        [](const auto& x) { return !x.second.under_way.empty(); });
    return do_all_run && !is_at_work && out_.orders.empty() &&
           out_.next.places.size() == names_.size();
  }

  const settings& wanted_;
  const views& hosts_;
  const std::int64_t now_ms_;
  std::set<std::string> names_; ///< that are to run
  std::set<std::string> asked_; ///< hosts, in this decision
  decision out_;
};

} // namespace

decision decide(const settings& wanted, const fleet& now_known, const views& hosts,
                std::int64_t now_ms) {
  return planner{wanted, now_known, hosts, now_ms}.run();
}

fleet taken_over(fleet left, const settings& wanted, const std::string& boot_id,
                 std::int64_t now_ms) {
  const auto is_same_boot = left.boot_id == boot_id;
  left.token += 1;
  left.ttl_ms = std::max(left.ttl_ms, wanted.ttl_ms);
  left.boot_id = boot_id;
  for (const auto& host : wanted.hosts)
    left.hosts.try_emplace(host);
  for (const auto& [name, host] : left.places)
    left.hosts.try_emplace(host);
  for (auto& [host, x] : left.hosts) {
    const auto known = is_same_boot ? x.ends_ms : 0;
    x = {0, std::max(known, now_ms + left.ttl_ms), 0};
  }
  return left;
}

} // namespace orchestrator
