// What happens, and following it. Fields are positional: only append, and raise protocol_version
// when you do.
#pragma once

#include <cstdint>
#include <string>

namespace banger {

/// Where a subscription begins.
enum class events_from : std::uint8_t {
  now,  ///< with what happens next
  last, ///< with the newest `number` of those that were
  after ///< behind the one with the sequence `number`
};

/// Request: send me every event from there on, as far as credit reaches. A client has one
/// subscription. Reply: events_subscribed, then event_happened and events_missed messages. Errors:
/// bad_request (a sequence that no event has had yet; a second subscription).
struct subscribe_events {
  events_from from = events_from::now;
  std::uint64_t number = 0;
  std::uint32_t credit = 0; ///< how many events may be sent at first
};

template <class Inspector>
auto inspect(Inspector& f, subscribe_events& x) {
  return f(x.from, x.number, x.credit);
}

struct events_subscribed {
  std::uint64_t first = 0;  ///< sequence of the first one to come
  std::uint64_t newest = 0; ///< of the newest that has happened
};

template <class Inspector>
auto inspect(Inspector& f, events_subscribed& x) {
  return f(x.first, x.newest);
}

/// So many more events may be sent. Whoever does not pay loses none of those that are kept.
struct event_credit {
  std::uint32_t events = 0;
};

template <class Inspector>
auto inspect(Inspector& f, event_credit& x) {
  return f(x.events);
}

/// Something that is on disk: it is told after the transaction that made it true, and numbered in
/// it.
struct event_happened {
  std::uint64_t sequence = 0; ///< grows by one, over all runs of the daemon; never given twice
  std::int64_t at_ms = 0;     ///< Unix time
  std::string kind;           ///< "vm.state", "vm.error", "session.state", ...
  std::string subject;        ///< name of the VM, or "VM/SESSION"
  std::string detail;         ///< the new state, or the error
  friend bool operator==(const event_happened&, const event_happened&) = default;
};

template <class Inspector>
auto inspect(Inspector& f, event_happened& x) {
  return f(x.sequence, x.at_ms, x.kind, x.subject, x.detail);
}

inline constexpr std::uint32_t event_limit = 100'000; ///< so many are kept

/// Events that are no longer kept. Costs no credit.
struct events_missed {
  std::uint64_t from = 0;
  std::uint64_t to = 0; ///< the last one that was missed
  friend bool operator==(const events_missed&, const events_missed&) = default;
};

template <class Inspector>
auto inspect(Inspector& f, events_missed& x) {
  return f(x.from, x.to);
}

} // namespace banger
