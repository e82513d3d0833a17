// A guest's data port that is there, and carries nothing.
#pragma once

#include "protocol/actors.hpp"

namespace banger::test {

inline guest_port_actor::behavior_type scripted_port(guest_port_actor::pointer) {
  return {
      [](const ssh_note&) {},
      [](const ssh_data&) {},
      [](const connect_guest&) { return guest_connected{9}; },
      [](const ensure_agent&) { return agent_ensured{}; },
      [](const describe_actor&) { return actor_account{}; },
  };
}

} // namespace banger::test
