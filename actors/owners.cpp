#include "actors/owners.hpp"

#include "actors/account.hpp"
#include "core/deadlines.hpp"
#include "host/log.hpp"
#include "host/random.hpp"
#include "protocol/caf_error.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace banger::actors {

namespace {

using self_pointer = owners_actor::stateful_pointer<owners_state>;
using std::chrono::milliseconds;

/// How soon what was started without a lease, or did not end, is looked at again.
constexpr milliseconds next_look{2'000};

void look_in(self_pointer self, milliseconds pause) {
  self->state.looks_at = self->state.context.boot_ms() + pause.count();
  self->delayed_send(self, pause, step_due{++self->state.step});
}

/// Often, as long as a lease could end or a VM could run without one: a timer alone stands still
/// while the host is suspended, and a lease does not.
void look_when_due(self_pointer self, bool has_vms) {
  const auto now = self->state.context.boot_ms();
  const auto end = self->state.table->next_end(now);
  if (end)
    look_in(self, std::min(next_look, milliseconds{*end - now}));
  else if (has_vms)
    look_in(self, next_look);
}

/// Of a lease that was renewed. It never puts off a look that is due before: with many renewals
/// none would come.
void look_at_its_end(self_pointer self, const owner_record& x) {
  const auto& at = self->state.looks_at;
  const auto is_live = x.ends_at_boot_ms > self->state.context.boot_ms();
  if (!at || (is_live && x.ends_at_boot_ms < *at))
    look_when_due(self, true);
}

/// Also one in error may have a process that lives.
bool is_active(const vm_info& x) {
  return x.pid != 0 || (x.state != vm_state::stopped && x.state != vm_state::error &&
                        x.state != vm_state::deleting);
}

void end_vm(self_pointer self, const vm_info& x) {
  const auto& context = self->state.context;
  if (self->state.told.insert(x.id).second) {
    self->send(context.events, publish_event{"owner.lost", x.name, x.owner});
    host::log_warning("vm '" + x.name + "': the lease of its owner '" + x.owner +
                      "' has ended; it is killed");
  }
  order kill;
  kill.op = host::random_hex(4);
  kill.kind = order_kind::kill;
  kill.subject = x.id;
  self->request(context.supervisor, core::deadlines{}.remove(), kill, progress_actor{})
      .then([](const vm_info&) {}, [](const caf::error&) {}); // the next look sees what is left
}

/// Ends what runs without a lease, and looks again as long as there is something that could.
void look(self_pointer self) {
  const auto& context = self->state.context;
  self->request(context.supervisor, core::deadlines{}.quick, list_vms{})
      .then(
          [self](const vm_list& all) {
            const auto now = self->state.context.boot_ms();
            bool has_vms = false;
            for (const auto& x : all.vms) {
              if (x.owner.empty())
                continue;
              has_vms = true;
              if (!is_active(x) || self->state.table->is_live(x.owner, now))
                self->state.told.erase(x.id);
              else if (x.operation != "kill" && x.operation != "set")
                end_vm(self, x);
            }
            look_when_due(self, has_vms);
          },
          [self](const caf::error&) { look_in(self, next_look); });
}

std::vector<std::string> vms_of(const vm_list& all, const std::string& owner) {
  std::vector<std::string> names;
  for (const auto& x : all.vms)
    if (x.owner == owner)
      names.push_back(x.name);
  std::sort(names.begin(), names.end());
  return names;
}

owner_lease lease_of(self_pointer self, const renew_owner& x, const vm_list& all) {
  const auto now = self->state.context.boot_ms();
  const auto& table = *self->state.table;
  return {x.owner,          x.token,
          x.ttl_ms,         vms_of(all, x.owner),
          table.stamp(now), table.left_ms(x.owner, now)};
}

caf::result<owner_lease> renew(self_pointer self, const renew_owner& x) {
  const auto& context = self->state.context;
  const auto now = context.boot_ms();
  auto record = self->state.table->renewed(x, now);
  if (!record)
    return to_error(record.error());
  auto reply = self->make_response_promise<owner_lease>();
  auto failed = [reply](const caf::error& why) mutable {
    reply.deliver(translated(why, "renew a lease"));
  };
  self->request(context.store, core::deadlines{}.storage, save_owner{*record})
      .then(
          [self, reply, failed, x, now](const done&) mutable {
            // Another one may have taken over while this was written.
            auto again = self->state.table->renewed(x, now);
            if (!again) {
              reply.deliver(to_error(again.error()));
              return;
            }
            self->state.table->put(*again);
            look_at_its_end(self, *again);
            self->request(self->state.context.supervisor, core::deadlines{}.quick, list_vms{})
                .then([self, reply,
                       x](const vm_list& all) mutable { reply.deliver(lease_of(self, x, all)); },
                      failed);
          },
          failed);
  return reply;
}

} // namespace

std::uint64_t any_first_stamp() {
  return (host::random_u64() >> 12) | (std::uint64_t{1} << 40);
}

owners_actor::behavior_type owners(self_pointer self, owners_context context,
                                   core::owner_table table) {
  self->state.context = std::move(context);
  self->state.table = std::move(table);
  look_in(self, milliseconds{0});
  return {
      [self](const renew_owner& x) { return renew(self, x); },
      [self](const check_owner& x) -> caf::result<done> {
        if (auto ok = self->state.table->check(x, self->state.context.boot_ms()); !ok)
          return to_error(ok.error());
        return done{};
      },
      [self](const describe_actor&) {
        const auto live = self->state.table->live_count(self->state.context.boot_ms());
        return account_of(self, counted(live, "lease"));
      },
      [self](const step_due& x) {
        if (x.step != self->state.step)
          return;
        self->state.looks_at.reset();
        look(self);
      },
  };
}

} // namespace banger::actors
