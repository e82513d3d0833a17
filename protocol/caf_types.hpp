// Makes our messages known to an actor system. It is a function of one file, for what it
// instantiates costs a compiler fifteen seconds.
#pragma once

#include <caf/fwd.hpp>

namespace banger {

/// For each actor system that sends or takes messages of protocol/actors.hpp, before it is made.
void add_message_types(caf::actor_system_config& config);

} // namespace banger
