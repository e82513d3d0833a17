// The schema, as the numbered steps that made it. Forward only; a step that has shipped is never
// changed.
#pragma once

#include "protocol/result.hpp"

namespace banger::storage {

class database;

[[nodiscard]] int newest_migration();

/// Applies every step after `from`, each in a transaction of its own, so that a crash leaves a
/// whole step or none. Errors: storage_failed, no_space.
[[nodiscard]] result<void> migrate(database& db, int from);

} // namespace banger::storage
