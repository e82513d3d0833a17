// Its row: written before the guest hears of it, and gone after the guest has forgotten it. Each
// step has a name, for tests that end the daemon at it.
#include "actors/guest_session_steps.hpp"
#include "host/fault_point.hpp"
#include "host/log.hpp"

#include <utility>

namespace banger::actors {

namespace {

/// Asks the store. `on_error` also gets the fault that a test has planned for `point`.
template <class Request, class OnDone, class OnError>
void ask_store(guest_session_pointer self, const char* point, Request x, OnDone on_done,
               OnError on_error) {
  if (auto fault = host::fault_at(point, host::fault_moment::before)) {
    on_error(to_error(*fault));
    return;
  }
  const auto& context = *self->state.spec.context;
  self->request(context.store, context.deadlines.storage, std::move(x))
      .then(
          [point, on_done, on_error](const done&) {
            if (auto fault = host::fault_at(point, host::fault_moment::after))
              on_error(to_error(*fault));
            else
              on_done();
          },
          on_error);
}

void forget(guest_session_pointer self) {
  drop_attaches(self,
                {ec::not_found, "attach to session '" + title(self) + "'", "it was deleted", {}});
  ask_store(
      self, "session.forget", forget_session{self->state.spec.record.info.id},
      [self] {
        for (auto& reply : std::exchange(self->state.deleting, {}))
          reply.deliver(info_of(self));
        self->quit();
      },
      [self](const caf::error& why) {
        for (auto& reply : std::exchange(self->state.deleting, {}))
          reply.deliver(translated(why, "delete the session"));
      });
}

} // namespace

void save(guest_session_pointer self, const char* point) {
  ask_store(
      self, point, save_session{self->state.spec.record}, [] {},
      [self](const caf::error& why) {
        host::log_warning("session '" + title(self) +
                          "': " + to_string(to_failure(why, "save it")));
      });
}

caf::result<session_info> launch(guest_session_pointer self) {
  auto& state = self->state;
  state.spec.is_new = false;
  state.launched = self->make_response_promise<session_info>();
  auto reply = state.launched;
  ask_store(
      self, "session.record", save_session{state.spec.record}, [self] { begin_launch(self); },
      [self](const caf::error& why) { // nothing of it is anywhere
        self->state.launched.deliver(translated(why, "start a session"));
        self->quit();
      });
  return reply;
}

void go_on_deleting(guest_session_pointer self) {
  auto& state = self->state;
  if (state.deleting.empty() || !is_over(state.spec.record.info.state))
    return;
  if (!state.link || state.is_removed) { // else its files go with the next start of the VM
    forget(self);
    return;
  }
  if (state.connection == 0 || state.removing.id != 0 || state.is_mending)
    return; // it goes on when there is a connection
  if (auto fault = host::fault_at("session.remove", host::fault_moment::before)) {
    for (auto& reply : std::exchange(state.deleting, {}))
      reply.deliver(to_error(*fault));
    return;
  }
  state.removing = {};
  state.removing.id = open_channel(self, session_wire::remove(state.spec.record.info.id));
}

} // namespace banger::actors
