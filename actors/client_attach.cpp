#include "actors/client_attach.hpp"

#include "protocol/caf_error.hpp"

#include <caf/actor_cast.hpp>

namespace banger::actors {

/// The session answers the client itself, and sends it the output itself: on one way, so that
/// nothing overtakes the answer, and without a copy here.
caf::result<session_attached> attach_client(client_session_pointer self, const attach_session& x) {
  const auto& context = *self->state.context;
  auto reply = self->make_response_promise<session_attached>();
  self->request(context.supervisor, context.deadlines.quick, find_session{x.ref})
      .then(
          [self, reply, x](const attach_host_actor& host) mutable {
            const auto id = caf::actor_cast<caf::strong_actor_ptr>(host)->id();
            self->state.attaches.insert_or_assign(id, host);
            reply.delegate(host, join_session{x, self->state.client, progress_actor{self}});
          },
          [reply](const caf::error& why) mutable {
            reply.deliver(translated(why, "attach to a session"));
          });
  return reply;
}

caf::result<session_detached> detach_client(client_session_pointer self, const detach_session& x) {
  auto& attaches = self->state.attaches;
  auto found = attaches.find(x.attach);
  if (found == attaches.end())
    return to_error({ec::not_found, "detach", "there is no such attach", {}});
  auto reply = self->make_response_promise<session_detached>();
  const auto session = found->second;
  attaches.erase(found); // now: the next attach to the session has the same number
  self->request(session, self->state.context->deadlines.detach, x)
      .then([reply](const session_detached& done) mutable { reply.deliver(done); },
            [reply](const caf::error& why) mutable { reply.deliver(translated(why, "detach")); });
  return reply;
}

} // namespace banger::actors
