// The `vms` table.
#pragma once

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

/// Removes a record; none there: fine. Errors: storage_failed.
[[nodiscard]] result<void> remove_vm_record(database& db, const std::string& id);

} // namespace banger::storage
