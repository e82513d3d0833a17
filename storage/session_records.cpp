#include "storage/session_records.hpp"

#include "storage/rows.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace banger::storage {

namespace {

/// Texts without NUL, each with one behind it.
std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const auto& x : texts) {
    all += x;
    all += '\0';
  }
  return all;
}

std::vector<std::string> split(const std::string& all) {
  std::vector<std::string> texts;
  for (std::size_t at = 0; at < all.size();) {
    const auto end = std::min(all.find('\0', at), all.size());
    texts.push_back(all.substr(at, end - at));
    at = end + 1;
  }
  return texts;
}

constexpr std::string_view columns =
    "id, vm_id, name, argv, env, cwd, input, rows, columns, policy, tags, required, journal_cap, "
    "state, created_at_ms, started_at_ms, ended_at_ms, exit_code, signal, error, error_step, "
    "end_offset, is_settled";

/// A number that may be out of range, for the file may be damaged: then the last one.
template <class Enum>
Enum bounded(std::int64_t stored, Enum last) {
  const auto is_known = stored >= 0 && stored <= static_cast<std::int64_t>(last);
  return is_known ? static_cast<Enum>(stored) : last;
}

session_record from_row(const statement& row) {
  int column = 0;
  auto text = [&] { return row.text(column++); };
  auto number = [&] { return row.integer(column++); };
  session_record x;
  auto& info = x.info;
  auto& config = info.config;
  info.id = text();
  x.vm_id = text();
  config.name = text();
  config.argv = split(row.blob(column++));
  config.env = split(row.blob(column++));
  config.cwd = row.blob(column++);
  config.input = bounded(number(), session_input_kind::pty);
  config.window.rows = static_cast<std::uint16_t>(number());
  config.window.columns = static_cast<std::uint16_t>(number());
  config.policy = bounded(number(), window_policy::newest);
  config.tags = split(row.blob(column++));
  config.required = split(row.blob(column++));
  config.journal_cap = static_cast<std::uint64_t>(number());
  info.state = bounded(number(), session_state::lost);
  info.created_at_ms = number();
  info.started_at_ms = number();
  info.ended_at_ms = number();
  info.exit_code = static_cast<std::int32_t>(number());
  info.signal = static_cast<std::int32_t>(number());
  info.error = text();
  info.error_step = text();
  info.end_offset = static_cast<std::uint64_t>(number());
  x.is_settled = number() != 0;
  return x;
}

} // namespace

result<std::vector<session_record>> load_session_records(database& db, const std::string& vm_id) {
  auto rows = db.prepare("SELECT " + std::string{columns} +
                         " FROM guest_sessions WHERE vm_id = ?1 OR ?1 = '' "
                         "ORDER BY vm_id, created_at_ms, id");
  rows.bind(vm_id);
  return read_rows(std::move(rows), from_row);
}

result<void> save_session_record(database& db, const session_record& x) {
  const auto& info = x.info;
  const auto& config = info.config;
  auto row = db.prepare(
      "INSERT INTO guest_sessions (" + std::string{columns} +
      ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
      " ON CONFLICT (id) DO UPDATE SET state = excluded.state, started_at_ms = "
      "excluded.started_at_ms, ended_at_ms = excluded.ended_at_ms, exit_code = excluded.exit_code,"
      " signal = excluded.signal, error = excluded.error, error_step = excluded.error_step,"
      " end_offset = excluded.end_offset, is_settled = excluded.is_settled");
  row.bind(info.id).bind(x.vm_id).bind(config.name);
  row.bind_blob(joined(config.argv)).bind_blob(joined(config.env)).bind_blob(config.cwd);
  row.bind(static_cast<std::int64_t>(config.input));
  row.bind(std::int64_t{config.window.rows}).bind(std::int64_t{config.window.columns});
  row.bind(static_cast<std::int64_t>(config.policy));
  row.bind_blob(joined(config.tags)).bind_blob(joined(config.required));
  row.bind(static_cast<std::int64_t>(config.journal_cap));
  row.bind(static_cast<std::int64_t>(info.state)).bind(info.created_at_ms);
  row.bind(info.started_at_ms).bind(info.ended_at_ms).bind(std::int64_t{info.exit_code});
  row.bind(std::int64_t{info.signal}).bind(info.error).bind(info.error_step);
  row.bind(static_cast<std::int64_t>(info.end_offset)).bind(std::int64_t{x.is_settled});
  return row.run();
}

result<std::optional<session_row>> find_session_row(database& db, const std::string& id) {
  auto row = db.prepare("SELECT vms.name || '/' || guest_sessions.name, guest_sessions.state FROM "
                        "guest_sessions JOIN vms ON vms.id = vm_id WHERE guest_sessions.id = ?");
  row.bind(id);
  auto found = row.next();
  if (!found)
    return tl::make_unexpected(found.error());
  if (!*found)
    return std::optional<session_row>{};
  return session_row{row.text(0), bounded(row.integer(1), session_state::lost)};
}

result<void> remove_session_record(database& db, const std::string& id) {
  return db.prepare("DELETE FROM guest_sessions WHERE id = ?").bind(id).run();
}

} // namespace banger::storage
