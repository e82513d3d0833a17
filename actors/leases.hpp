// LEASES: who has which guest address, and who may start now.
#pragma once

#include "protocol/actors.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstddef>
#include <deque>
#include <functional>
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
  std::function<bool(const std::string& address)> is_free; ///< nobody else on the host has it
  std::size_t max_starts = 2;
  std::set<caf::actor_addr> starting; ///< holders of a start slot
  std::deque<slot_request> waiting;
};

/// @param max_starts  VMs that may boot at the same time; a boot is bound by the processor
/// @param first_address  where to begin to look: another one for each installation, so that those
/// of two users do
///                       not meet
/// @param is_free  asks the host about an address; must not block
leases_actor::behavior_type leases(leases_actor::stateful_pointer<leases_state> self,
                                   std::size_t max_starts, std::uint32_t first_address,
                                   std::function<bool(const std::string&)> is_free);

} // namespace banger::actors
