// The schema, as the numbered steps that made it. Forward only; a step that has shipped is never
// changed.
#pragma once

#include "protocol/result.hpp"

namespace banger::storage {

class database;

[[nodiscard]] int newest_migration();

/// Applies the steps after `from` up to `to`, each in a transaction of its own, so that a crash
/// leaves a whole step or none. Errors: storage_failed, no_space.
[[nodiscard]] result<void> apply_migrations(database& db, int from, int to);

} // namespace banger::storage
