#include "actors/leases.hpp"

#include "actors/account.hpp"
#include "core/bridge_network.hpp"
#include "core/guest_address.hpp"
#include "protocol/caf_error.hpp"

#include <algorithm>

namespace banger::actors {

namespace {

using self_pointer = leases_actor::stateful_pointer<leases_state>;

caf::result<address_lease> reserve(self_pointer self, const reserve_address& x) {
  auto& state = self->state;
  for (std::uint32_t tried = 0; tried < core::guest_address_count; ++tried) {
    const auto is_bridged = x.network == network_kind::tap;
    auto address = is_bridged ? core::bridged_address(state.next_address)
                              : core::guest_address(state.next_address);
    state.next_address = (state.next_address + 1) % core::guest_address_count;
    // Whether another daemon has it on the bridge, banger-helper knows when the tap is made.
    if (state.addresses.contains(address) || (!is_bridged && !state.is_free(address)))
      continue;
    state.addresses.insert(address);
    return address_lease{std::move(address)};
  }
  return to_error({ec::no_space, "reserve a guest address", "all are taken", "delete a VM"});
}

/// Hands free slots to those who wait longest.
void grant(self_pointer self) {
  auto& state = self->state;
  while (!state.waiting.empty() && state.starting.size() < state.max_starts) {
    auto next = std::move(state.waiting.front());
    state.waiting.pop_front();
    state.starting.insert(next.asker);
    next.reply.deliver(done{});
  }
}

caf::result<done> acquire(self_pointer self, const acquire_start_slot& request) {
  auto asker = caf::actor_cast<caf::actor_addr>(self->current_sender());
  self->monitor(self->current_sender());
  auto reply = self->make_response_promise<done>();
  self->state.waiting.push_back({request.vm, asker, reply});
  grant(self);
  return reply;
}

/// Forgets all that `owner` holds or waits for.
void release(self_pointer self, const caf::actor_addr& owner) {
  auto& state = self->state;
  state.starting.erase(owner);
  std::erase_if(state.waiting, [&](const slot_request& x) { return x.asker == owner; });
  grant(self);
}

} // namespace

leases_actor::behavior_type leases(self_pointer self, std::size_t max_starts,
                                   std::uint32_t first_address,
                                   std::function<bool(const std::string&)> is_free) {
  self->state.next_address = first_address % core::guest_address_count;
  self->state.is_free = std::move(is_free);
  self->state.max_starts = std::max<std::size_t>(max_starts, 1);
  self->set_down_handler([self](const caf::down_msg& down) { release(self, down.source); });
  return {
      [self](const reserve_address& x) { return reserve(self, x); },
      [self](const address_taken& x) { self->state.addresses.insert(x.address); },
      [self](const address_freed& x) { self->state.addresses.erase(x.address); },
      [self](const acquire_start_slot& x) { return acquire(self, x); },
      [self](const release_start_slot&) {
        auto owner = caf::actor_cast<caf::actor_addr>(self->current_sender());
        self->demonitor(owner);
        release(self, owner);
      },
      [self](const describe_actor&) {
        const auto& state = self->state;
        return account_of(self, counted(state.addresses.size(), "lease") + ", " +
                                    std::to_string(state.starting.size()) + " starting, " +
                                    std::to_string(state.waiting.size()) + " waiting");
      },
  };
}

} // namespace banger::actors
