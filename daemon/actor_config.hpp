// How CAF is set up in the daemon.
#pragma once

#include <caf/actor_system_config.hpp>

namespace banger::daemon {

/// At least one.
[[nodiscard]] unsigned usable_cores();

class actor_config : public caf::actor_system_config {
public:
  actor_config();
};

} // namespace banger::daemon
