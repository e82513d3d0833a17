// A VM's guest sessions, as its actor keeps them.
#pragma once

#include "actors/vm.hpp"

#include <string>
#include <vector>

namespace banger::actors {

/// Makes actors of the sessions that were there before us.
void adopt_sessions(vm_pointer self, const std::vector<session_record>& records);

/// To be called whenever the VM has changed: tells its sessions that the guest is there, or gone.
void mind_sessions(vm_pointer self);

/// The VM is no more, or its actor.
void end_sessions(vm_pointer self, const caf::error& why);

/// A session's actor has ended. @returns false where it was none of ours
bool session_down(vm_pointer self, const caf::down_msg& down);

void session_has_changed(vm_pointer self, const session_changed& x);

[[nodiscard]] caf::result<session_info> start_new_session(vm_pointer self, const start_session& x);
[[nodiscard]] caf::result<session_info> describe_session(vm_pointer self, const get_session& x);
[[nodiscard]] caf::result<attach_host_actor> host_of_session(vm_pointer self,
                                                             const find_session& x);

/// The session that `ref` means. Errors: not_found, bad_request.
[[nodiscard]] result<guest_session_actor> resolve_session(vm_pointer self, const std::string& ref);

/// Hands a request to the session it names, which answers the asker itself.
template <class Reply, class Request>
caf::result<Reply> pass_to_session(vm_pointer self, const Request& x) {
  auto session = resolve_session(self, x.ref);
  if (!session)
    return to_error(session.error());
  return self->delegate(*session, x);
}

} // namespace banger::actors
