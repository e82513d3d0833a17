#include "actors/events.hpp"

#include "actors/account.hpp"
#include "host/clock.hpp"

#include <algorithm>

namespace banger::actors {

namespace {

using self_pointer = events_actor::stateful_pointer<events_state>;

constexpr std::size_t most_past = 1000;

void publish(self_pointer self, const publish_event& x) {
  auto& state = self->state;
  event_happened event{++state.sequence, host::unix_ms(), x.kind, x.subject, x.detail};
  for (const auto& subscriber : state.subscribers)
    self->send(subscriber, event);
  state.past.push_back(std::move(event));
  if (state.past.size() > most_past)
    state.past.pop_front();
}

void subscribe(self_pointer self, const subscribe_events& x, const event_sink_actor& whom) {
  auto& state = self->state;
  self->monitor(whom);
  const auto count = std::min<std::size_t>(x.past, state.past.size());
  for (auto event = state.past.end() - static_cast<std::ptrdiff_t>(count);
       event != state.past.end(); ++event)
    self->send(whom, *event);
  state.subscribers.push_back(whom);
}

} // namespace

events_actor::behavior_type events(self_pointer self) {
  self->set_down_handler([self](const caf::down_msg& down) {
    std::erase_if(self->state.subscribers, [&](const auto& x) { return x == down.source; });
  });
  return {
      [self](const publish_event& x) { publish(self, x); },
      [self](const subscribe_events& x, const event_sink_actor& whom) { subscribe(self, x, whom); },
      [self](const describe_actor&) {
        return account_of(self, counted(self->state.subscribers.size(), "subscriber"));
      },
  };
}

} // namespace banger::actors
