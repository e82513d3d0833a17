// The `vms` table, and `vm_transitions`, which goes with it.
#pragma once

#include "protocol/diagnosis.hpp"
#include "protocol/result.hpp"
#include "protocol/vm_record.hpp"
#include "storage/database.hpp"

#include <string>
#include <vector>

namespace banger::storage {

/// Every record, by name. Errors: storage_failed.
[[nodiscard]] result<std::vector<vm_record>> load_vms(database& db);

/// One record. Errors: not_found, storage_failed.
[[nodiscard]] result<vm_record> load_vm_record(database& db, const std::string& id);

/// Inserts the record, or replaces the one with its id. Errors: already_exists where another VM has
/// the name or the address; no_space; storage_failed.
[[nodiscard]] result<void> save_vm_record(database& db, const vm_record& x);

/// Adds what has become of a VM; only the newest vm_transition_limit are kept. @returns those that
/// were not there yet. Errors: as for a record; storage_failed where there is no such VM.
[[nodiscard]] result<std::vector<vm_transition>>
add_transitions(database& db, const std::string& vm_id,
                const std::vector<vm_transition>& transitions);

/// The oldest first. Errors: storage_failed.
[[nodiscard]] result<std::vector<vm_transition>> load_vm_transitions(database& db,
                                                                     const std::string& vm_id);

/// Moves a row to the table `lost_vms`, where nobody looks but a person: its name and address are
/// free then, and nothing of it is lost. Errors: storage_failed, no_space.
[[nodiscard]] result<void> set_vm_aside(database& db, const std::string& id);

/// Removes a record and its transitions; none there: fine. Errors: storage_failed.
[[nodiscard]] result<void> remove_vm_record(database& db, const std::string& id);

} // namespace banger::storage
