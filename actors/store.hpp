// STORE: the only writer of the database. Detached, because SQLite waits for the disk.
#pragma once

#include "protocol/actors.hpp"
#include "storage/database.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <memory>

namespace banger::actors {

struct store_state {
  static inline const char* name = "store";
  std::unique_ptr<storage::database> database;
};

store_actor::behavior_type store(store_actor::stateful_pointer<store_state> self,
                                 std::unique_ptr<storage::database> database);

} // namespace banger::actors
