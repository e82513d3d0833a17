#include "storage/event_log.hpp"

#include "storage/rows.hpp"

#include <algorithm>

namespace banger::storage {

namespace {

event_happened from_row(const statement& row) {
  return {static_cast<std::uint64_t>(row.integer(0)), row.integer(1), row.text(2), row.text(3),
          row.text(4)};
}

/// The number that a query finds; 0 where it finds none.
result<std::int64_t> number_of(statement query) {
  auto row = query.next();
  if (!row)
    return tl::make_unexpected(row.error());
  return *row ? query.integer(0) : 0;
}

/// Of all that were given, so that it is right also when none is left.
result<std::uint64_t> newest_sequence(database& db) {
  auto found = number_of(db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'events'"));
  if (!found)
    return tl::make_unexpected(found.error());
  return static_cast<std::uint64_t>(*found);
}

} // namespace

result<void> add_event(database& db, event_happened& x) {
  auto row = db.prepare("INSERT INTO events (at_ms, kind, subject, detail) VALUES (?,?,?,?)"
                        " RETURNING sequence");
  row.bind(x.at_ms).bind(x.kind).bind(x.subject).bind(x.detail);
  auto given = row.next();
  if (!given)
    return tl::make_unexpected(given.error());
  x.sequence = static_cast<std::uint64_t>(row.integer(0));
  if (auto ended = row.next(); !ended)
    return tl::make_unexpected(ended.error());
  if (x.sequence <= event_limit)
    return {};
  auto old = db.prepare("DELETE FROM events WHERE sequence <= ?");
  return old.bind(static_cast<std::int64_t>(x.sequence - event_limit)).run();
}

result<event_page> load_events_after(database& db, std::uint64_t after, std::uint32_t limit) {
  auto newest = newest_sequence(db);
  if (!newest)
    return tl::make_unexpected(newest.error());
  auto rows = db.prepare("SELECT sequence, at_ms, kind, subject, detail FROM events"
                         " WHERE sequence > ? ORDER BY sequence LIMIT ?");
  rows.bind(static_cast<std::int64_t>(after)).bind(std::int64_t{limit});
  auto found = read_rows(std::move(rows), from_row);
  if (!found)
    return tl::make_unexpected(found.error());
  return event_page{*newest, std::move(*found)};
}

result<event_page> load_newest_events(database& db, std::uint32_t limit) {
  auto newest = newest_sequence(db);
  if (!newest)
    return tl::make_unexpected(newest.error());
  return load_events_after(db, *newest - std::min<std::uint64_t>(limit, *newest), limit);
}

result<std::string> host_id(database& db) {
  auto row = db.prepare("SELECT id FROM host");
  auto found = row.next();
  if (!found)
    return tl::make_unexpected(found.error());
  if (!*found)
    return fail(ec::storage_failed, "read this host's id", "the table 'host' is empty");
  return row.text(0);
}

} // namespace banger::storage
