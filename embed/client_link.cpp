#include "embed/client_link.hpp"

#include "protocol/caf_error.hpp"
#include "protocol/version.hpp"
#include "transport/fd_watch.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <csignal>
#include <utility>

namespace banger::embed {

namespace {

struct link_state {
  static inline const char* name = "client-link";
  client_actor client;
  host_actor host;                                          ///< none: it has not answered yet
  caf::typed_response_promise<caf::strong_actor_ptr> asked; ///< pending until it has
  std::optional<client::carrier> carrier;
  transport::fd_watch carrier_end;
};

using self_pointer = caf::stateful_actor<link_state>*;

/// With the program that it goes through: that is a child of ours, whose end has to be seen.
void leave(self_pointer self) {
  auto& state = self->state;
  if (state.asked.pending())
    state.asked.deliver(to_error({ec::unreachable, "talk to the daemon", "it hung up",
                                  "'banger daemon status' tells whether it runs"}));
  state.client = nullptr;
  state.host = nullptr;
  if (state.carrier)
    host::signal_process(state.carrier->process.pidfd, SIGTERM);
  else
    self->quit();
}

void greet(self_pointer self, const gateway_actor& gateway, std::chrono::milliseconds timeout) {
  self->monitor(gateway); // CAF answers no request of a connection that ends
  self->request(gateway, timeout, hello{protocol_version, std::string{program_version}, 0})
      .then(
          [self](const welcome&) {
            auto host = self->current_sender(); // the session that it gave us
            self->state.host = caf::actor_cast<host_actor>(host);
            self->monitor(self->state.host);
            self->state.asked.deliver(host);
          },
          [self](const caf::error& why) {
            self->state.asked.deliver(translated(why, "talk to the daemon"));
            leave(self);
          });
}

/// All that the host tells is its client's, who sees the host as the sender.
caf::result<caf::message> hand_on(self_pointer self, caf::message_view& x) {
  const auto& state = self->state;
  if (state.client && state.host)
    caf::send_as(caf::actor_cast<caf::actor>(state.host), caf::actor_cast<caf::actor>(state.client),
                 x.move_content_to_message());
  return caf::message{};
}

caf::behavior client_link(self_pointer self, const gateway_actor& gateway,
                          const client_actor& client, std::optional<client::carrier> carrier,
                          std::chrono::milliseconds timeout) {
  auto& state = self->state;
  state.client = client;
  state.carrier = std::move(carrier);
  if (state.carrier)
    state.carrier_end = {self->system(), state.carrier->process.pidfd.get(),
                         caf::actor_cast<fd_watcher_actor>(self), 0};
  if (client)
    self->monitor(client);
  self->set_down_handler([self](const caf::down_msg&) { leave(self); });
  self->set_default_handler(
      [self](caf::scheduled_actor*, caf::message_view& x) { return hand_on(self, x); });
  return {
      [self, gateway, timeout](caf::connect_atom) {
        self->state.asked = self->make_response_promise<caf::strong_actor_ptr>();
        greet(self, gateway, timeout);
        return self->state.asked;
      },
      [self](const fd_ready&) {
        auto& ours = self->state;
        if (ours.asked.pending())
          ours.asked.deliver(to_error(ours.carrier->broke("it ended")));
        (void)host::reap(ours.carrier->process.pidfd);
        ours.carrier.reset();
        self->quit();
      },
  };
}

} // namespace

result<host_actor> open_link(caf::actor_system& system, const gateway_actor& gateway,
                             const client_actor& client, std::optional<client::carrier> carrier,
                             std::chrono::milliseconds timeout) {
  // Hidden: the system's end does not wait for it.
  auto link = system.spawn<caf::hidden>(client_link, gateway, client, std::move(carrier), timeout);
  caf::scoped_actor self{system, true};
  result<host_actor> outcome = fail(ec::timed_out, "talk to the daemon", "it did not answer");
  self->request(link, timeout + std::chrono::seconds{1}, caf::connect_atom::value)
      .receive(
          [&](const caf::strong_actor_ptr& host) { outcome = caf::actor_cast<host_actor>(host); },
          [&](const caf::error& why) {
            outcome = tl::make_unexpected(to_failure(why, "talk to the daemon"));
          });
  return outcome;
}

} // namespace banger::embed
