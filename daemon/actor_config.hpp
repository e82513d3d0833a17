// How CAF is set up in the daemon.
#pragma once

#include <caf/actor_system_config.hpp>

namespace banger::daemon {

/// At least one.
[[nodiscard]] unsigned usable_cores();

/// What a node needs of a config, whoever's it is: the message types, and the network.
void add_network(caf::actor_system_config& config);

/// The daemon's own.
class actor_config : public caf::actor_system_config {
public:
  actor_config();
};

} // namespace banger::daemon
