#include "core/event_feed.hpp"

#include <algorithm>
#include <utility>

namespace banger::core {

namespace {

constexpr std::uint64_t page_size = 500;

} // namespace

event_feed::event_feed(std::size_t kept, event_page page) : kept_(kept), newest_(page.newest) {
  add(std::move(page.events));
}

void event_feed::add(std::vector<event_happened> events) {
  for (auto& x : events) {
    if (!past_.empty() && x.sequence != past_.back().sequence + 1)
      past_.clear(); // whoever wants those between finds them on disk
    newest_ = std::max(newest_, x.sequence);
    past_.push_back(std::move(x));
    if (past_.size() > kept_)
      past_.pop_front();
  }
}

/// Of those in memory; behind all of them where there is none.
std::uint64_t event_feed::oldest() const {
  return past_.empty() ? newest_ + 1 : past_.front().sequence;
}

std::optional<event_cursor> event_feed::place(const subscribe_events& x) const {
  switch (x.from) {
    case events_from::now: return event_cursor{newest_ + 1, x.credit, false};
    case events_from::last:
      return event_cursor{newest_ + 1 - std::min(newest_, x.number), x.credit, false};
    case events_from::after:
      if (x.number > newest_)
        return {};
      return event_cursor{x.number + 1, x.credit, false};
  }
  return {};
}

event_batch event_feed::take(event_cursor& of) const {
  event_batch all;
  if (of.is_loading || of.next < oldest() || of.next > newest_)
    return all;
  const auto count = std::min(of.credit, newest_ + 1 - of.next);
  const auto from = past_.begin() + static_cast<std::ptrdiff_t>(of.next - oldest());
  all.events.assign(from, from + static_cast<std::ptrdiff_t>(count));
  of.next += count;
  of.credit -= count;
  return all;
}

std::optional<load_events> event_feed::wanted(event_cursor& of) const {
  if (of.is_loading || of.credit == 0 || of.next >= oldest())
    return {};
  of.is_loading = true;
  return load_events{of.next - 1, static_cast<std::uint32_t>(std::min(of.credit, page_size))};
}

event_batch event_feed::take_loaded(event_cursor& of, const event_page& page) const {
  of.is_loading = false;
  event_batch all;
  // Nothing there: what it wanted is gone, and memory has all that is left.
  const auto first = page.events.empty() ? oldest() : page.events.front().sequence;
  if (first > of.next) {
    all.missed = events_missed{of.next, first - 1};
    of.next = first;
  }
  for (const auto& x : page.events) {
    if (of.credit == 0 || x.sequence != of.next)
      break;
    all.events.push_back(x);
    ++of.next;
    --of.credit;
  }
  return all;
}

} // namespace banger::core
