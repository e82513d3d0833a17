#include "storage/database.hpp"

#include "storage/migrations.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

namespace banger::storage {

namespace {

tl::unexpected<failure> failed(sqlite3* connection, std::string what) {
  auto code = sqlite3_errcode(connection);
  auto extended = sqlite3_extended_errcode(connection);
  auto kind = code == SQLITE_FULL ? ec::no_space
              : extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY
                  ? ec::already_exists
                  : ec::storage_failed;
  return fail(kind, std::move(what), sqlite3_errmsg(connection));
}

} // namespace

void statement::finalizer::operator()(sqlite3_stmt* x) const {
  sqlite3_finalize(x);
}

statement::statement(sqlite3* connection, std::string_view sql) : connection_(connection) {
  sqlite3_stmt* made = nullptr;
  sqlite3_prepare_v2(connection, sql.data(), static_cast<int>(sql.size()), &made, nullptr);
  statement_.reset(made); // null where the SQL is wrong: next() says so
}

statement& statement::bind(std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), next_parameter_++, value);
  return *this;
}

statement& statement::bind(std::string_view value) {
  sqlite3_bind_text(statement_.get(), next_parameter_++, value.data(),
                    static_cast<int>(value.size()), SQLITE_TRANSIENT);
  return *this;
}

result<void> statement::run() {
  for (;;) {
    auto row = next();
    if (!row)
      return tl::make_unexpected(row.error());
    if (!*row)
      return {};
  }
}

result<bool> statement::next() {
  if (!statement_)
    return failed(connection_, "prepare a statement");
  switch (sqlite3_step(statement_.get())) {
    case SQLITE_ROW: return true;
    case SQLITE_DONE: return false;
    default: return failed(connection_, "use the database");
  }
}

std::int64_t statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string statement::text(int column) const {
  const auto* bytes = sqlite3_column_text(statement_.get(), column);
  auto size = sqlite3_column_bytes(statement_.get(), column);
  if (bytes == nullptr)
    return {};
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

result<std::unique_ptr<database>> database::open(const std::string& path) {
  // Made by us, so that it is private from the start.
  auto fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return fail_errno("open the database " + path);
  ::close(fd);
  sqlite3* connection = nullptr;
  auto code = sqlite3_open_v2(path.c_str(), &connection,
                              SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<database> made{new database{connection}};
  if (code != SQLITE_OK)
    return fail(ec::storage_failed, "open the database " + path, sqlite3_errstr(code));
  constexpr int busy_ms = 5000;
  sqlite3_busy_timeout(connection, busy_ms);
  sqlite3_extended_result_codes(connection, 0);
  auto version = made->schema_version();
  if (!version)
    return fail(version.error().code, "open the database " + path, version.error().why,
                "move it out of the way; VMs in it are then forgotten");
  if (*version > newest_migration())
    return fail(ec::version_mismatch, "open the database " + path,
                "its schema is " + std::to_string(*version) + ", this banger knows " +
                    std::to_string(newest_migration()),
                "use the banger that wrote it, or a newer one");
  auto ready =
      made->execute("PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON; PRAGMA synchronous=FULL");
  if (ready)
    ready = migrate(*made, *version);
  if (!ready)
    return tl::make_unexpected(ready.error());
  return made;
}

database::~database() {
  sqlite3_close_v2(connection_);
}

result<void> database::execute(const std::string& sql) {
  if (sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return failed(connection_, "use the database");
  return {};
}

result<int> database::schema_version() {
  auto tables = prepare("SELECT count(*) FROM sqlite_master WHERE name = 'schema_migrations'");
  auto row = tables.next();
  if (!row)
    return tl::make_unexpected(row.error());
  if (tables.integer(0) == 0)
    return 0;
  auto newest = prepare("SELECT coalesce(max(number), 0) FROM schema_migrations");
  row = newest.next();
  if (!row)
    return tl::make_unexpected(row.error());
  return static_cast<int>(newest.integer(0));
}

result<transaction> transaction::begin(database& db) {
  if (auto ok = db.execute("BEGIN IMMEDIATE"); !ok)
    return tl::make_unexpected(ok.error());
  return transaction{db};
}

result<void> transaction::commit() {
  auto ok = db_->execute("COMMIT");
  if (ok)
    db_ = nullptr; // else the destructor rolls back
  return ok;
}

transaction::~transaction() {
  if (db_ != nullptr)
    (void)db_->execute("ROLLBACK");
}

} // namespace banger::storage
