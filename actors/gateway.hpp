// GATEWAY: the one actor that clients can find. Says hello, and gives each client a session.
#pragma once

#include "actors/client_session.hpp"
#include "protocol/actors.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <map>
#include <memory>

namespace banger::actors {

struct gateway_state {
  static inline const char* name = "gateway";
  std::shared_ptr<const session_context> context;
  std::function<void()> sweep_connections;
  std::map<caf::actor_addr, client_session_actor> sessions;
};

/// @param sweep_connections  the transport's housekeeping; called every few seconds while clients
/// come
gateway_actor::behavior_type gateway(gateway_actor::stateful_pointer<gateway_state> self,
                                     std::shared_ptr<const session_context> context,
                                     std::function<void()> sweep_connections);

} // namespace banger::actors
