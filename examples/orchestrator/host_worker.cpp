#include "host_worker.hpp"

#include <banger/async_client.hpp>
#include <banger/client.hpp>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

namespace orchestrator {

namespace {

using banger::client::async_client;
using banger::client::machine_client;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// How long a host may take to be connected to, which is several round trips.
milliseconds connect_patience(const identity& who) {
  constexpr std::int64_t shortest_ms = 5'000, longest_ms = 15'000;
  return milliseconds{std::clamp(who.ttl_ms / 2, shortest_ms, longest_ms)};
}

/// How long its answer may take. A lease counts from the answer before, so with two round trips in
/// its time it is over now and then: such a host is to count as lost, not to come and go.
milliseconds answer_patience(const identity& who) {
  return milliseconds{who.ttl_ms * 2 / 5};
}

/// A connection that is made when it is needed, and anew after it broke.
template <class Client>
class way {
public:
  way(std::string host, const identity& who) : host_(std::move(host)), who_(who) {}

  const std::string& host() const { return host_; }
  const identity& who() const { return who_; }

  banger::result<Client*> client() {
    if (!client_) {
      auto made = Client::connect({host_, connect_patience(who_)});
      if (!made)
        return tl::make_unexpected(made.error());
      client_ = std::move(*made);
    }
    return &*client_;
  }

  void close() { client_.reset(); }

  /// @returns what went wrong, as a person reads it. After what may be the way, there is a new one.
  std::string broke(const banger::failure& why) {
    if (why.code == banger::ec::unreachable || why.code == banger::ec::timed_out)
      close();
    return banger::to_string(why) + (why.hint.empty() ? "" : "; " + why.hint);
  }

private:
  std::string host_;
  identity who_;
  std::optional<Client> client_;
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

/// The lease and what there is, asked for at once: over a link that is slow, one after the other
/// would take most of the lease.
struct answers {
  banger::result<banger::owner_lease> lease = none<banger::owner_lease>();
  banger::result<banger::daemon_status> status = none<banger::daemon_status>();
  banger::result<banger::vm_list> all = none<banger::vm_list>();
  std::int64_t ended_ms = 0; ///< when the lease was answered

  template <class T>
  static banger::result<T> none() {
    return banger::fail(banger::ec::timed_out, "renew the lease", "no answer in time");
  }
};

answers ask(async_client& host, const identity& who, std::uint64_t stamp) {
  const auto got = std::make_shared<answers>(); // handlers may be called after this has returned
  host.renew({who.name, who.token, static_cast<std::uint32_t>(who.ttl_ms), stamp}, [got](auto x) {
    got->lease = std::move(x);
    got->ended_ms = boot_ms();
  });
  host.status([got](auto x) { got->status = std::move(x); });
  host.list([got](auto x) { got->all = std::move(x); });
  for (const auto end = steady_clock::now() + answer_patience(who); !host.is_idle();) {
    const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
    if (left.count() <= 0 || !host.wait(left))
      break;
  }
  return *got;
}

void take(renewal_ended& x, const answers& got, const std::string& owner) {
  x.memory_free_mib = got.status->memory_free_mib;
  x.cpu_count = got.status->cpu_count;
  x.vcpus_running = got.status->vcpus_running;
  for (const auto& vm : got.all->vms)
    if (vm.owner == owner)
      x.vms[vm.name] = {vm.id, vm.operation.empty() || vm.state == banger::vm_state::running
                                   ? condition_of(vm.state)
                                   : vm_condition::in_transition};
}

renewal_ended renewed(std::uint64_t stamp, way<async_client>& to) {
  renewal_ended x{.host = to.host()};
  const auto host = to.client();
  x.asked_ms = x.ended_ms = boot_ms();
  if (!host) {
    x.why = to.broke(host.error());
    return x;
  }
  const auto got = ask(**host, to.who(), stamp);
  x.ended_ms = got.ended_ms != 0 ? got.ended_ms : boot_ms();
  if (got.lease) {
    x.stamp = got.lease->stamp;
    x.left_ms = got.lease->left_ms;
  } else {
    x.is_refused = got.lease.error().code == banger::ec::wrong_state;
  }
  if (!got.lease || !got.status || !got.all) {
    x.why = to.broke(!got.lease    ? got.lease.error()
                     : !got.status ? got.status.error()
                                   : got.all.error());
    to.close(); // what it may still answer is of no use
    return x;
  }
  take(x, got, to.who().name);
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
    case order_kind::start: return host.start(x.id, who.token);
    case order_kind::remove: return host.remove(x.id, who.token);
  }
  return banger::vm_info{};
}

order_ended obeyed(const order& x, way<machine_client>& to) {
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
    : renewals_(std::make_shared<mailbox<std::uint64_t>>()),
      orders_(std::make_shared<mailbox<order>>()) {
  std::thread{[in = renewals_, host, who, to] {
    for (way<async_client> there{host, who};;)
      to->post(renewed(in->take(), there));
  }}.detach();
  std::thread{[in = orders_, host, who, to] {
    for (way<machine_client> there{host, who};;)
      to->post(obeyed(in->take(), there));
  }}.detach();
}

void host_worker::renew(std::uint64_t stamp) {
  renewals_->post(stamp);
}

void host_worker::obey(const order& x) {
  orders_->post(x);
}

} // namespace orchestrator
