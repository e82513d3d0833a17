// The `events` table: what happened, numbered.
#pragma once

#include "protocol/event_orders.hpp"
#include "protocol/result.hpp"
#include "storage/database.hpp"

#include <cstdint>
#include <string>

namespace banger::storage {

/// Adds an event and gives it its sequence; the oldest goes where more than event_limit are there.
/// Part of the transaction that is open, if one is. Errors: no_space, storage_failed.
[[nodiscard]] result<void> add_event(database& db, event_happened& x);

/// The events behind `after`, the oldest first. Errors: storage_failed.
[[nodiscard]] result<event_page> load_events_after(database& db, std::uint64_t after,
                                                   std::uint32_t limit);

/// The newest, the oldest of them first. Errors: storage_failed.
[[nodiscard]] result<event_page> load_newest_events(database& db, std::uint32_t limit);

/// Twelve hex digits that came with the database. Errors: storage_failed.
[[nodiscard]] result<std::string> host_id(database& db);

} // namespace banger::storage
