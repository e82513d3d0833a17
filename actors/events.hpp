// EVENTS: what happened, told to whoever subscribed.
#pragma once

#include "protocol/actors.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <deque>
#include <vector>

namespace banger::actors {

struct events_state {
  static inline const char* name = "events";
  std::uint64_t sequence = 0;
  std::vector<event_sink_actor> subscribers;
  std::deque<event_happened> past; ///< the newest few
};

events_actor::behavior_type events(events_actor::stateful_pointer<events_state> self);

} // namespace banger::actors
