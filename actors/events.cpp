#include "actors/events.hpp"

#include "actors/account.hpp"
#include "host/log.hpp"
#include "protocol/caf_error.hpp"

#include <algorithm>
#include <utility>

namespace banger::actors {

namespace {

using self_pointer = events_actor::stateful_pointer<events_state>;

constexpr std::chrono::seconds load_limit{30};

event_subscriber* find(self_pointer self, const event_sink_actor& whom) {
  auto& all = self->state.subscribers;
  auto found = std::find_if(all.begin(), all.end(), [&](const auto& x) { return x.sink == whom; });
  return found == all.end() ? nullptr : &*found;
}

void send_batch(self_pointer self, const event_sink_actor& whom, core::event_batch batch) {
  if (batch.missed)
    self->send(whom, *batch.missed);
  for (auto& x : batch.events)
    self->send(whom, std::move(x));
}

void serve(self_pointer self, event_subscriber& whom);

void load(self_pointer self, const event_sink_actor& whom, const load_events& wanted) {
  self->request(self->state.store, load_limit, wanted)
      .then(
          [self, whom](const event_page& page) {
            auto* subscriber = find(self, whom);
            if (subscriber == nullptr)
              return; // it has gone meanwhile
            send_batch(self, whom, self->state.feed.take_loaded(subscriber->at, page));
            serve(self, *subscriber);
          },
          [self, whom](const caf::error& why) { // its next credit tries again
            host::log_warning("events cannot be read: " + to_string(to_failure(why)));
            if (auto* subscriber = find(self, whom))
              subscriber->at.is_loading = false;
          });
}

void serve(self_pointer self, event_subscriber& whom) {
  auto& feed = self->state.feed;
  send_batch(self, whom.sink, feed.take(whom.at));
  if (auto wanted = feed.wanted(whom.at))
    load(self, whom.sink, *wanted);
}

caf::result<events_subscribed> subscribe(self_pointer self, const subscribe_events& x,
                                         const event_sink_actor& whom) {
  auto& state = self->state;
  const auto newest = state.feed.newest();
  if (find(self, whom) != nullptr)
    return to_error({ec::bad_request, "follow events", "this client follows them already", {}});
  auto at = state.feed.place(x);
  if (!at)
    return to_error({ec::bad_request, "follow events",
                     "event " + std::to_string(x.number) +
                         " has not happened on this host: its newest is " + std::to_string(newest),
                     "where the database was replaced, begin anew: without a sequence"});
  self->monitor(whom);
  state.subscribers.push_back({whom, *at});
  // Behind the answer: both go the same way.
  self->send(self, events_saved{});
  return events_subscribed{at->next, newest};
}

void pay(self_pointer self, const event_credit& x, const event_sink_actor& whom) {
  if (auto* subscriber = find(self, whom)) {
    subscriber->at.credit += x.events;
    serve(self, *subscriber);
  }
}

} // namespace

events_actor::behavior_type events(self_pointer self, store_actor store, event_page newest) {
  self->state.store = std::move(store);
  self->state.feed = core::event_feed{events_in_memory, std::move(newest)};
  self->set_down_handler([self](const caf::down_msg& down) {
    std::erase_if(self->state.subscribers, [&](const auto& x) { return x.sink == down.source; });
  });
  return {
      [self](const events_saved& x) {
        self->state.feed.add(x.events);
        for (auto& each : self->state.subscribers)
          serve(self, each);
      },
      [self](const publish_event& x) { self->send(self->state.store, x); },
      [self](const subscribe_events& x, const event_sink_actor& whom) {
        return subscribe(self, x, whom);
      },
      [self](const event_credit& x, const event_sink_actor& whom) { pay(self, x, whom); },
      [self](const describe_actor&) {
        return account_of(self, counted(self->state.subscribers.size(), "subscriber"));
      },
  };
}

} // namespace banger::actors
