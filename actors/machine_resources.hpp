// A launch that waits for what banger-helper is to make for it, whichever hypervisor is launched.
// Not for others than the two machines.
#pragma once

#include "actors/machine_life.hpp"

#include <utility>

namespace banger::actors {

/// The timer of a launch that waits for banger-helper; no ending uses it.
inline constexpr std::uint64_t resources_step = helper_ended_step - 1;

/// What an fd_ready is about where banger-helper has said something; no machine's own tag.
inline constexpr std::int32_t resources_tag = 100;

inline constexpr std::chrono::milliseconds resources_limit{10'000}; // less than deadlines::launch

/// banger-helper has said something.
void take_resources(machine_life& life);

/// Nobody wants it any more: no hypervisor is started for a launch that waits.
void cancel_launch(machine_life& life);

/// banger-helper has not said it in time.
void give_up_resources(machine_life& life);

/// Starts a hypervisor, at once where it needs nothing of banger-helper's.
/// @param how    how the hypervisor takes what is made for it
/// @param start  starts it, with that
template <class Self>
caf::result<machine_launched> launch_with(Self* self, const launch_machine& x,
                                          hypervisor::resource_kind how, start_hypervisor start) {
  if (!hypervisor::needs_helper(x.needs)) {
    auto launched = start({});
    if (!launched)
      return to_error(launched.error());
    return std::move(*launched);
  }
  auto resources =
      hypervisor::resource_request::begin(x.needs, x.vm_id, x.directory, x.address, how);
  if (!resources)
    return to_error(resources.error());
  machine_life& life = self->state;
  auto reply = self->template make_response_promise<machine_launched>();
  const auto fd = resources->fd();
  life.pending.emplace(pending_launch{
      std::move(*resources), std::move(start),
      transport::fd_watch{self->system(), fd, fd_watcher_actor{machine_actor{self}}, resources_tag},
      reply});
  self->delayed_send(self, resources_limit, step_due{resources_step});
  return reply;
}

} // namespace banger::actors
