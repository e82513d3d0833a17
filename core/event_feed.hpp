// The newest events in memory, and where each subscriber is among all of them: who is behind what
// is in memory reads on from disk, who does not pay waits, and nobody is ever skipped in silence.
#pragma once

#include "protocol/event_orders.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace banger::core {

/// A subscriber's place.
struct event_cursor {
  std::uint64_t next = 1; ///< sequence of the next event it gets
  std::uint64_t credit = 0;
  bool is_loading = false; ///< a page is on its way from disk
};

/// What a subscriber is to be sent, in this order.
struct event_batch {
  std::optional<events_missed> missed;
  std::vector<event_happened> events;
};

class event_feed {
public:
  /// @param kept  how many stay in memory
  /// @param page  the newest on disk
  event_feed(std::size_t kept, event_page page);

  /// Takes what was saved.
  void add(std::vector<event_happened> events);

  [[nodiscard]] std::uint64_t newest() const { return newest_; }

  /// Where a subscription begins. Nothing where it asks for what is behind an event that has not
  /// happened.
  [[nodiscard]] std::optional<event_cursor> place(const subscribe_events& x) const;

  /// What the subscriber can be sent from memory; moves it.
  [[nodiscard]] event_batch take(event_cursor& of) const;

  /// What it has to be given from disk: marks it as loading. Nothing where memory has it, or it has
  /// no credit, or is loading already.
  [[nodiscard]] std::optional<load_events> wanted(event_cursor& of) const;

  /// What it can be sent of a page that it asked for; moves it.
  [[nodiscard]] event_batch take_loaded(event_cursor& of, const event_page& page) const;

private:
  [[nodiscard]] std::uint64_t oldest() const;

  std::size_t kept_;
  std::uint64_t newest_ = 0;
  std::deque<event_happened> past_; ///< the newest few, without gaps
};

} // namespace banger::core
