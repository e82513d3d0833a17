// EVENTS: what happened, told to whoever subscribed, in the order of the store that numbered it.
#pragma once

#include "core/event_feed.hpp"
#include "protocol/actors.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstddef>
#include <vector>

namespace banger::actors {

inline constexpr std::size_t events_in_memory = 1000;

struct event_subscriber {
  event_sink_actor sink;
  core::event_cursor at;
};

struct events_state {
  static inline const char* name = "events";
  core::event_feed feed{events_in_memory, {}};
  store_actor store;
  std::vector<event_subscriber> subscribers;
};

/// @param newest  what is on disk already; the store has to be told whom it reports to
events_actor::behavior_type events(events_actor::stateful_pointer<events_state> self,
                                   store_actor store, event_page newest);

} // namespace banger::actors
