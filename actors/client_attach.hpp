// A client's attaches to guest sessions: who is asked, and where its input goes.
#pragma once

#include "actors/client_session.hpp"

namespace banger::actors {

[[nodiscard]] caf::result<session_attached> attach_client(client_session_pointer self,
                                                          const attach_session& x);
[[nodiscard]] caf::result<session_detached> detach_client(client_session_pointer self,
                                                          const detach_session& x);

/// The client may name sessions that have ended: nothing is lost that could be kept.
template <class Message>
void pass_to_host(client_session_pointer self, const Message& x) {
  auto found = self->state.attaches.find(x.attach);
  if (found != self->state.attaches.end())
    self->send(found->second, x);
}

} // namespace banger::actors
