#include "host_worker.hpp"

#include <banger/client.hpp>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>
#include <thread>
#include <utility>

namespace orchestrator {

namespace {

using banger::client::machine_client;

/// A connection that is made when it is needed, and anew after it broke.
class way {
public:
  way(std::string host, const identity& who) : host_(std::move(host)), who_(who) {}

  const identity& who() const { return who_; }

  banger::result<machine_client*> client() {
    if (!client_) {
      constexpr std::int64_t shortest_ms = 2'000, longest_ms = 15'000;
      auto made = machine_client::connect(
          {host_, std::chrono::milliseconds{std::clamp(who_.ttl_ms / 3, shortest_ms, longest_ms)}});
      if (!made)
        return tl::make_unexpected(made.error());
      client_ = std::move(*made);
    }
    return &*client_;
  }

  /// @returns what went wrong, as a person reads it. After what may be the way, there is a new one.
  std::string broke(const banger::failure& why) {
    if (why.code == banger::ec::unreachable || why.code == banger::ec::timed_out)
      client_.reset();
    return banger::to_string(why) + (why.hint.empty() ? "" : "; " + why.hint);
  }

private:
  std::string host_;
  identity who_;
  std::optional<machine_client> client_;
};

vm_condition condition_of(banger::vm_state x) {
  switch (x) {
    case banger::vm_state::running: return vm_condition::running;
    case banger::vm_state::stopped:
    case banger::vm_state::error: return vm_condition::at_rest;
    case banger::vm_state::creating:
    case banger::vm_state::starting:
    case banger::vm_state::stopping:
    case banger::vm_state::deleting: break;
  }
  return vm_condition::in_transition;
}

void look(machine_client& host, way& to, renewal_ended& x) {
  x.asked_ms = boot_ms();
  const auto status = host.status();
  const auto all = host.list();
  if (!status || !all) {
    x.why = to.broke(status ? all.error() : status.error());
    return;
  }
  x.memory_free_mib = status->memory_free_mib;
  x.cpu_count = status->cpu_count;
  x.vcpus_running = status->vcpus_running;
  for (const auto& vm : all->vms)
    if (vm.owner == to.who().name)
      x.vms[vm.name] = {vm.id, vm.operation.empty() || vm.state == banger::vm_state::running
                                   ? condition_of(vm.state)
                                   : vm_condition::in_transition};
}

renewal_ended renewed(const std::string& name, way& to) {
  renewal_ended x{.host = name};
  const auto host = to.client();
  if (!host) {
    x.why = to.broke(host.error());
    return x;
  }
  x.was_sent = true;
  const auto& who = to.who();
  const auto lease = (*host)->renew({who.name, who.token, static_cast<std::uint32_t>(who.ttl_ms)});
  if (!lease) {
    x.is_refused = lease.error().code == banger::ec::wrong_state;
    x.why = to.broke(lease.error());
  }
  x.ended_ms = boot_ms(); // a connection that broke is closed by now
  if (lease)
    look(**host, to, x);
  return x;
}

banger::result<banger::vm_info> done(machine_client& host, const identity& who, const order& x) {
  switch (x.kind) {
    case order_kind::create: {
      banger::vm_config config;
      config.name = x.name;
      config.image = who.image;
      config.memory_mib = who.memory_mib;
      config.owner = who.name;
      config.owner_token = who.token;
      return host.create(config);
    }
    case order_kind::start: return host.start(x.id);
    case order_kind::remove: return host.remove(x.id);
  }
  return banger::vm_info{};
}

order_ended obeyed(const order& x, way& to) {
  order_ended end{x};
  const auto host = to.client();
  if (!host) {
    end.why = to.broke(host.error());
  } else if (const auto vm = done(**host, to.who(), x); !vm) {
    const auto is_gone = x.kind == order_kind::remove && vm.error().code == banger::ec::not_found;
    end.why = is_gone ? std::string{} : to.broke(vm.error());
  }
  end.ended_ms = boot_ms();
  return end;
}

} // namespace

std::int64_t boot_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000 + now.tv_nsec / 1'000'000;
}

host_worker::host_worker(const std::string& host, const identity& who,
                         std::shared_ptr<mailbox<message>> to)
    : renewals_(std::make_shared<mailbox<bool>>()), orders_(std::make_shared<mailbox<order>>()) {
  std::thread{[in = renewals_, host, who, to] {
    for (way there{host, who}; in->take();)
      to->post(renewed(host, there));
  }}.detach();
  std::thread{[in = orders_, host, who, to] {
    for (way there{host, who};;)
      to->post(obeyed(in->take(), there));
  }}.detach();
}

void host_worker::renew() {
  renewals_->post(true);
}

void host_worker::obey(const order& x) {
  orders_->post(x);
}

} // namespace orchestrator
