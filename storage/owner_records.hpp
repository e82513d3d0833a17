// The `owner_leases` table.
#pragma once

#include "protocol/result.hpp"
#include "protocol/store_orders.hpp"
#include "storage/database.hpp"

#include <vector>

namespace banger::storage {

/// Every lease there ever was, by owner: also one that has ended fences. Errors: storage_failed.
[[nodiscard]] result<std::vector<owner_record>> load_owners(database& db);

/// Inserts the row, or replaces the owner's unless that has a newer token, which stays. Errors:
/// no_space, storage_failed.
[[nodiscard]] result<void> save_owner_record(database& db, const owner_record& x);

} // namespace banger::storage
