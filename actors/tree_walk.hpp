// TREE_WALK: asks every actor, from the roots down, what it is at. Who does not answer in time is
// shown so: that is what one looks for.
#pragma once

#include "protocol/actors.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <cstddef>
#include <vector>

namespace banger::actors {

struct walked_actor {
  actor_report report;
  std::vector<std::size_t> children; ///< indices of others
};

struct tree_walk_state {
  static inline const char* name = "tree-walk";
  std::chrono::milliseconds patience{0};
  std::vector<walked_actor> all;
  std::vector<std::size_t> roots;
  std::size_t pending = 0;
  caf::typed_response_promise<actor_tree> reply;
};

/// @param patience  for each actor's answer
tree_walk_actor::behavior_type tree_walk(tree_walk_actor::stateful_pointer<tree_walk_state> self,
                                         std::vector<actor_child> roots,
                                         std::chrono::milliseconds patience);

} // namespace banger::actors
