// One helper at a time: those of other users work on the same bridge, table and devices.
#pragma once

#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

namespace banger::helper {

/// Waits for our turn, 5 s at most, and has it for as long as the descriptor lives: a flock(2) on a
/// file that root alone can open, as anybody else could hold it for ever. Errors: busy, failed.
[[nodiscard]] result<host::unique_fd> take_turn();

} // namespace banger::helper
