// What the supervisor knows of guest sessions: the last word of each, so that a list costs one
// message.
#pragma once

#include "actors/supervisor.hpp"
#include "protocol/result.hpp"

#include <string>

namespace banger::actors {

/// Sessions of the VM with this id, or of all where it is empty: by VM's name, the oldest first.
[[nodiscard]] session_list list_known_sessions(const supervisor_state& state,
                                               const std::string& vm_id);

/// Keeps what a session tells. @returns the event that is to be published of it; without a kind:
/// none
[[nodiscard]] publish_event note_session(supervisor_state& state, const session_changed& x);

} // namespace banger::actors
