// STORE: the SQLite connection as an actor. Detached: a commit waits for the disk. All that is
// asked for while one commit runs goes to disk with the next: many VMs that change at once share an
// fsync.
#pragma once

#include "actors/guard.hpp"
#include "protocol/actors.hpp"
#include "storage/database.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace banger::actors {

struct pending_write {
  std::variant<save_vm, forget_vm, save_session, forget_session, save_owner, publish_event> what;
  caf::typed_response_promise<done> reply; ///< none of an event
};

struct store_state {
  static inline const char* name = "store";
  std::unique_ptr<storage::database> database;
  std::vector<pending_write> pending;
  event_listener_actor listener; ///< hears of what a commit has made happen
  std::uint32_t commits_due = 0; ///< commit_writes that are in the mailbox
  bool is_ending = false;
  crash_record crashes;

  void begin_anew();
};

store_actor::behavior_type store(store_actor::stateful_pointer<store_state> self,
                                 std::unique_ptr<storage::database> database);

} // namespace banger::actors
