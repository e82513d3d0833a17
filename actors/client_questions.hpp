// What a client asks that takes more than passing it on.
#pragma once

#include "actors/client_session.hpp"
#include "protocol/caf_error.hpp"

namespace banger::actors {

/// Passes a question on and its answer back; the client never learns of the actors below.
template <class Reply, class Handle, class Request>
caf::result<Reply> relay(client_session_pointer self, const Handle& whom, const Request& request,
                         core::milliseconds limit) {
  auto reply = self->template make_response_promise<Reply>();
  self->request(whom, limit, request)
      .then([reply](const Reply& x) mutable { reply.deliver(x); },
            [reply](const caf::error& why) mutable {
              reply.deliver(translated(why, "ask the daemon"));
            });
  return reply;
}

[[nodiscard]] caf::result<daemon_status> describe_daemon(client_session_pointer self);
[[nodiscard]] caf::result<events_subscribed> subscribe_client(client_session_pointer self,
                                                              const subscribe_events& x);
[[nodiscard]] caf::result<actor_tree> walk_tree(client_session_pointer self,
                                                const get_actor_tree& x);
[[nodiscard]] caf::result<image_info> remove_image(client_session_pointer self,
                                                   const delete_image& x);

} // namespace banger::actors
