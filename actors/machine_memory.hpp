// How a machine asks its guest for its memory. Not for others.
#pragma once

#include "actors/machine.hpp"

namespace banger::actors {

/// Asks over the control port. A guest whose agent does not know the question has said so, one that
/// hangs never answers: who asks has a time limit.
[[nodiscard]] caf::result<guest_memory> ask_memory(machine_pointer self);

/// A line of the guest's that may be the answer.
void take_memory_line(machine_pointer self, const std::string& line);

/// The guest is gone.
void forget_memory_questions(machine_pointer self);

} // namespace banger::actors
