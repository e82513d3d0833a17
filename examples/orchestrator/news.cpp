#include "news.hpp"

#include <utility>

namespace orchestrator {

namespace {

constexpr std::int64_t again_ms = 1'000;       ///< after a host did not answer
constexpr std::int64_t order_again_ms = 5'000; ///< after an order failed

std::string past(order_kind x) {
  switch (x) {
    case order_kind::create: return "vm.created";
    case order_kind::start: return "vm.running";
    case order_kind::remove: return "vm.deleted";
  }
  return "vm";
}

void show(host_view& host, const renewal_ended& x) {
  host.heard_ms = x.asked_ms;
  host.vms = x.vms;
  host.memory_free_mib = x.memory_free_mib;
  host.cpu_count = x.cpu_count;
  host.vcpus_running = x.vcpus_running;
  if (host.ordered_ms != 0 && x.asked_ms >= host.ordered_ms) {
    host.under_way.clear();
    host.ordered_ms = 0;
  }
}

} // namespace

std::vector<change> take(fleet& known, host_view& host, const renewal_ended& x,
                         std::int64_t ttl_ms) {
  const auto& record = known.hosts[x.host];
  // It counted from an older answer, or from none: now that there is a new one, once more from
  // that. Once: where all takes long, the next one of these is as old.
  const auto is_good = x.why.empty();
  host.is_repeated = is_good && !host.is_repeated && record.sent_ms - host.stamp_ms > ttl_ms / 9;
  host.is_being_renewed = false;
  if (x.stamp != 0) {
    host.stamp = x.stamp;
    host.stamp_ms = x.ended_ms;
  }
  const auto was_silent = std::exchange(host.is_silent, !is_good);
  host.is_answering = is_good && x.left_ms > 0;
  const auto is_due = host.is_repeated || x.asked_ms < host.ordered_ms; // an order ended meanwhile
  host.next_renewal_ms = !is_good ? x.ended_ms + again_ms
                         : is_due ? 0
                                  : record.sent_ms + ttl_ms / 3;
  if (is_good)
    show(host, x);
  if (is_good || was_silent)
    return {};
  return {{"host.silent", {}, x.host, x.why}};
}

std::vector<change> take(host_view& host, const order_ended& x) {
  if (x.why.empty()) {
    host.ordered_ms = x.ended_ms;
    host.next_renewal_ms = 0; // to see what became of it
    host.not_before.erase(x.what.name);
    return {{past(x.what.kind), x.what.name, x.what.host, {}}};
  }
  host.under_way.clear();
  host.not_before[x.what.name] = x.ended_ms + order_again_ms;
  return {{"vm.failed", x.what.name, x.what.host, x.why}};
}

void note(views& hosts, const decision& asked) {
  for (const auto& x : asked.renewals)
    hosts[x.host].is_being_renewed = true;
  for (const auto& x : asked.orders) {
    hosts[x.host].under_way = {x};
    hosts[x.host].ordered_ms = 0;
  }
}

} // namespace orchestrator
