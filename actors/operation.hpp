// OPERATION: one long request of a client, from its order to its reply. Has the id that errors and
// logs carry, passes stages on, and remembers whom a cancel must reach.
#pragma once

#include "core/deadlines.hpp"
#include "protocol/actors.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <string>

namespace banger::actors {

struct operation_state {
  static inline const char* name = "operation";
  std::string op; ///< id
  std::string subject;
  bool is_build = false;
  supervisor_actor supervisor;
  images_actor images;
  progress_actor client;
  core::deadlines deadlines;
};

/// The order that carries a client's request out.
[[nodiscard]] order to_order(const set_vm& x);

operation_actor::behavior_type operation(operation_actor::stateful_pointer<operation_state> self,
                                         std::string op, supervisor_actor supervisor,
                                         images_actor images, progress_actor client,
                                         core::deadlines deadlines);

} // namespace banger::actors
