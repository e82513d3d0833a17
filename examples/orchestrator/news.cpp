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
  auto& record = known.hosts[x.host];
  record.is_open = false;
  // Not from when it was sent: it may have reached the host at any time until now, answered or not,
  // and what the host counts from then on is what has to be waited for.
  if (x.was_sent)
    record.settled_ms = std::max(record.settled_ms, x.ended_ms);
  const auto is_good = x.why.empty();
  const auto was_silent = std::exchange(host.is_silent, !is_good);
  host.is_answering = is_good;
  const auto is_due = is_good && x.asked_ms < host.ordered_ms; // an order ended meanwhile
  host.next_renewal_ms = is_due ? 0 : is_good ? record.sent_ms + ttl_ms / 3 : x.ended_ms + again_ms;
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

void note(views& hosts, const std::vector<order>& orders) {
  for (const auto& x : orders) {
    hosts[x.host].under_way = {x};
    hosts[x.host].ordered_ms = 0;
  }
}

} // namespace orchestrator
