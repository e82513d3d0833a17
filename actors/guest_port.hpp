// GUEST_PORT: the way to a running VM's agent: over its data port where it has one that answers,
// and else over its SSH connection. Whoever asks gets the number of a connection, and does not have
// to know which it is.
#pragma once

#include "port/port_io.hpp"
#include "protocol/actors.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace banger::actors {

struct port_waiter {
  connect_guest request;
  caf::typed_response_promise<guest_connected> reply;
};

struct guest_port_state {
  static inline const char* name = "guest-port";
  port::port_io* io = nullptr;
  std::string socket; ///< the hypervisor's end of the port
  guest_link_actor link;
  port::connection_id connection = 0;
  bool is_up = false;
  bool is_absent = false; ///< nobody in the guest answers on it: SSH it is, for this run
  std::vector<port_waiter> waiters;
};

guest_port_actor::behavior_type
guest_port(guest_port_actor::stateful_pointer<guest_port_state> self, port::port_io* io,
           std::string socket, guest_link_actor link);

} // namespace banger::actors
