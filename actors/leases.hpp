// LEASES: who has which guest address, and who may start now.
#pragma once

#include "protocol/actors.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstddef>
#include <deque>
#include <set>
#include <string>

namespace banger::actors {

struct slot_request {
  std::string vm;
  caf::actor_addr asker;
  caf::typed_response_promise<done> reply;
};

struct leases_state {
  static inline const char* name = "leases";
  std::set<std::string> addresses; ///< taken
  std::uint32_t next_address = 0;  ///< index where the search for a free one goes on
  std::size_t max_starts = 2;
  std::set<caf::actor_addr> starting; ///< holders of a start slot
  std::deque<slot_request> waiting;
};

/// @param max_starts  VMs that may boot at the same time; a boot is bound by the processor
leases_actor::behavior_type leases(leases_actor::stateful_pointer<leases_state> self,
                                   std::size_t max_starts);

} // namespace banger::actors
