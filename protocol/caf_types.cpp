#include "protocol/caf_types.hpp"

#include "protocol/actors.hpp"

#include <caf/actor_system_config.hpp>

namespace banger {

void add_message_types(caf::actor_system_config& config) {
  config.add_message_types<caf::id_block::banger>();
}

} // namespace banger
