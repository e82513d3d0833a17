// GUEST_SWEEP: one look at what a guest keeps of sessions. What belongs to none that its asker
// knows when it gets the list was forgotten while the guest was away, and is removed.
#pragma once

#include "actors/agent_channels.hpp"
#include "actors/session_wire.hpp"
#include "protocol/actors.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <string>
#include <vector>

namespace banger::actors {

struct guest_sweep_state {
  static inline const char* name = "guest-sweep";
  agent_channels* channels = nullptr;
  guest_way_actor link;
  ssh::connection_id connection = 0;
  ssh::channel_id channel = 0;
  session_wire::reader frames;
  guest_session_ids found;
  std::vector<std::string> to_remove;
  caf::typed_response_promise<guest_session_ids> listed;
  caf::typed_response_promise<done> removed;
};

guest_sweep_actor::behavior_type
guest_sweep(guest_sweep_actor::stateful_pointer<guest_sweep_state> self, guest_way_actor link,
            agent_channels* channels);

} // namespace banger::actors
