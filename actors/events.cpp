#include "actors/events.hpp"

#include "host/clock.hpp"

#include <algorithm>

namespace banger::actors {

namespace {

using self_pointer = events_actor::stateful_pointer<events_state>;

void publish(self_pointer self, const publish_event& x) {
  auto& state = self->state;
  event_happened event{++state.sequence, host::unix_ms(), x.kind, x.subject, x.detail};
  for (const auto& subscriber : state.subscribers)
    self->send(subscriber, event);
}

} // namespace

events_actor::behavior_type events(self_pointer self) {
  self->set_down_handler([self](const caf::down_msg& down) {
    std::erase_if(self->state.subscribers, [&](const auto& x) { return x == down.source; });
  });
  return {
      [self](const publish_event& x) { publish(self, x); },
      [self](const subscribe_events&, const event_sink_actor& whom) {
        self->monitor(whom);
        self->state.subscribers.push_back(whom);
      },
  };
}

} // namespace banger::actors
