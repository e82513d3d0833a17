// What the daemon's parts tell each other of events; none of it crosses the socket.
#pragma once

#include "protocol/events.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger {

/// Something happened that clients may want to hear of, and that no record shows. The store tells
/// by itself what the records show.
struct publish_event {
  std::string kind;
  std::string subject;
  std::string detail;
};

template <class Inspector>
auto inspect(Inspector& f, publish_event& x) {
  return f(x.kind, x.subject, x.detail);
}

/// From the store: these are on disk. In their order, none left out.
struct events_saved {
  std::vector<event_happened> events;
};

template <class Inspector>
auto inspect(Inspector& f, events_saved& x) {
  return f(x.events);
}

/// Request: the events behind `after`, the oldest first, at most `limit`. Reply: event_page.
/// Errors: storage_failed.
struct load_events {
  std::uint64_t after = 0;
  std::uint32_t limit = 0;
};

template <class Inspector>
auto inspect(Inspector& f, load_events& x) {
  return f(x.after, x.limit);
}

struct event_page {
  std::uint64_t newest = 0; ///< the newest there ever was, kept or not; 0: none yet
  std::vector<event_happened> events;
};

template <class Inspector>
auto inspect(Inspector& f, event_page& x) {
  return f(x.newest, x.events);
}

} // namespace banger
