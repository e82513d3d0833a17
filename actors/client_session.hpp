// CLIENT_SESSION: serves one client: turns its requests into operations, its commands into execs,
// and ends all of them when the client goes away.
#pragma once

#include "actors/exec.hpp"
#include "core/deadlines.hpp"
#include "protocol/actors.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace banger::actors {

/// What the daemon lends to every session.
struct session_context {
  supervisor_actor supervisor;
  images_actor images;
  events_actor events;
  owners_actor owners;
  std::function<exec_actor(const exec_spec& spec)> make_exec;
  std::string host_id;
  /// Begins an orderly shutdown; returns at once. None: it is not a client's to say.
  std::function<void()> stop_daemon;
  std::function<std::vector<actor_child>()> list_roots; ///< of the tree of actors; must not block
  std::function<daemon_status()> describe_daemon; ///< all but the counts of VMs; must not block
  core::deadlines deadlines;
};

struct client_session_state {
  static inline const char* name = "client-session";
  std::shared_ptr<const session_context> context;
  client_actor client;
  std::map<caf::actor_addr, operation_actor> operations;
  std::map<std::uint64_t, exec_actor> execs;
  std::map<std::uint64_t, caf::typed_response_promise<exec_opened>> opening;
  std::uint64_t last_exec = 0;
  std::map<std::uint64_t, attach_host_actor> attaches; ///< guest sessions, by the attach's number
  std::set<std::string> ephemeral; ///< names of VMs to delete when the client goes
  std::vector<caf::typed_response_promise<done>> cancelling; ///< answered when no operation is left
  bool is_leaving = false; ///< the client is gone; we end with the last operation
};

using client_session_pointer = client_session_actor::stateful_pointer<client_session_state>;

client_session_actor::behavior_type client_session(client_session_pointer self,
                                                   std::shared_ptr<const session_context> context,
                                                   client_actor client);

} // namespace banger::actors
