// What the supervisor knows: the last word of each VM and guest session, so that a list costs one
// message.
#pragma once

#include "actors/supervisor.hpp"
#include "protocol/result.hpp"

#include <string>

namespace banger::actors {

/// All VMs, by name.
[[nodiscard]] vm_list list_known_vms(const supervisor_state& state);
[[nodiscard]] vm_counts count_known_vms(const supervisor_state& state);
[[nodiscard]] guest_found find_running_guest(const supervisor_state& state, const find_guest& x);
[[nodiscard]] used_images images_in_use(const supervisor_state& state);

/// Sessions of the VM with this id, or of all where it is empty: by VM's name, the oldest first.
[[nodiscard]] session_list list_known_sessions(const supervisor_state& state,
                                               const std::string& vm_id);

/// Keeps what a session tells.
void note_session(supervisor_state& state, const session_changed& x);

} // namespace banger::actors
