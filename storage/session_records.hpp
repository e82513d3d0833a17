// The `guest_sessions` table.
#pragma once

#include "protocol/result.hpp"
#include "protocol/session_orders.hpp"
#include "storage/database.hpp"

#include <optional>
#include <string>
#include <vector>

namespace banger::storage {

/// The records of a VM, or with an empty id of all VMs; the oldest first. Errors: storage_failed.
[[nodiscard]] result<std::vector<session_record>> load_session_records(database& db,
                                                                       const std::string& vm_id);

/// Inserts the record, or brings what changes of one with its id up to date: what was asked for
/// stays. Errors: already_exists where another of the VM's sessions has the name; storage_failed
/// where there is no such VM; no_space.
[[nodiscard]] result<void> save_session_record(database& db, const session_record& x);

/// What events say of a session: its title, "VM/NAME", and the state of its row. Nothing where
/// there is no such row. Errors: storage_failed.
struct session_row {
  std::string title;
  session_state state = session_state::starting;
};
[[nodiscard]] result<std::optional<session_row>> find_session_row(database& db,
                                                                  const std::string& id);

/// Removes a record; none there: fine. Errors: storage_failed.
[[nodiscard]] result<void> remove_session_record(database& db, const std::string& id);

} // namespace banger::storage
