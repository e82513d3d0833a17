// FIRECRACKER_CALLER: talks to the API of one Firecracker. Detached: it waits for answers, but
// never longer than it is told to, and not at all once Firecracker has ended.
#pragma once

#include "host/unique_fd.hpp"
#include "protocol/actors.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <string>

namespace banger::actors {

struct firecracker_caller_state {
  static inline const char* name = "firecracker-caller";
  std::string socket;
  host::unique_fd process;
};

using firecracker_caller_pointer =
    firecracker_caller_actor::stateful_pointer<firecracker_caller_state>;

/// @param socket   path of the API's socket
/// @param process  pidfd of Firecracker
firecracker_caller_actor::behavior_type
firecracker_caller(firecracker_caller_pointer self, std::string socket, host::unique_fd process);

} // namespace banger::actors
