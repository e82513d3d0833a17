#include "storage/database.hpp"

#include "storage/migrations.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
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

void statement_finalizer::operator()(sqlite3_stmt* x) const {
  sqlite3_finalize(x);
}

statement_pointer statement_cache::take(sqlite3* connection, std::string_view sql) {
  if (auto found = idle_.find(sql); found != idle_.end()) {
    auto taken = std::move(found->second);
    idle_.erase(found);
    return taken;
  }
  sqlite3_stmt* made = nullptr;
  sqlite3_prepare_v3(connection, sql.data(), static_cast<int>(sql.size()),
                     SQLITE_PREPARE_PERSISTENT, &made, nullptr);
  return statement_pointer{made};
}

void statement_cache::give_back(statement_pointer x) {
  constexpr std::size_t most = 64;
  sqlite3_reset(x.get()); // what it read is not read any more
  sqlite3_clear_bindings(x.get());
  if (idle_.size() < most)
    idle_.try_emplace(sqlite3_sql(x.get()), std::move(x));
}

statement::statement(sqlite3* connection, statement_cache& cache, std::string_view sql)
    : connection_(connection), cache_(&cache), statement_(cache.take(connection, sql)) {}

statement::~statement() {
  if (statement_)
    cache_->give_back(std::move(statement_));
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

statement& statement::bind_blob(std::string_view value) {
  // A null pointer would be NULL, also with no bytes.
  sqlite3_bind_blob(statement_.get(), next_parameter_++, value.empty() ? "" : value.data(),
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

std::string statement::blob(int column) const {
  const auto* bytes = sqlite3_column_blob(statement_.get(), column);
  auto size = sqlite3_column_bytes(statement_.get(), column);
  if (bytes == nullptr)
    return {};
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

namespace {

constexpr int busy_ms = 5000;

struct connection_closer {
  void operator()(sqlite3* x) const { sqlite3_close_v2(x); }
};
using connection_pointer = std::unique_ptr<sqlite3, connection_closer>;

result<connection_pointer> connect_to(const std::string& path, int flags) {
  sqlite3* made = nullptr;
  auto code = sqlite3_open_v2(path.c_str(), &made, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  connection_pointer connection{made};
  if (code != SQLITE_OK)
    return fail(ec::storage_failed, "open the database " + path, sqlite3_errstr(code));
  sqlite3_busy_timeout(made, busy_ms);
  sqlite3_extended_result_codes(made, 0);
  return connection;
}

failure too_new(const std::string& path, int version) {
  return {ec::version_mismatch, "open the database " + path,
          "its schema is " + std::to_string(version) + ", this banger knows " +
              std::to_string(newest_migration()),
          "use the banger that wrote it, or a newer one"};
}

failure damaged(const std::string& path, const failure& why) {
  return {why.code, "open the database " + path, why.why,
          "restore a copy of it, or move it out of the way: VMs in it are then forgotten"};
}

} // namespace

result<std::unique_ptr<database>> database::open(const std::string& path) {
  // Made by us, so that it is private from the start. One that is there is not opened: closing it
  // would drop the locks of another connection of ours (fcntl(2)).
  if (::access(path.c_str(), R_OK | W_OK) != 0) {
    auto fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
      return fail_errno("open the database " + path);
    ::close(fd);
  }
  auto connection = connect_to(path, SQLITE_OPEN_READWRITE);
  if (!connection)
    return tl::make_unexpected(connection.error());
  std::unique_ptr<database> made{new database{path, connection->release()}};
  auto version = made->known_version();
  if (!version)
    return tl::make_unexpected(version.error());
  if (auto whole = made->check(); !whole)
    return tl::make_unexpected(damaged(path, whole.error()));
  auto ready =
      made->execute("PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON; PRAGMA synchronous=FULL");
  if (ready)
    ready = apply_migrations(*made, *version, newest_migration());
  if (ready)
    ready = made->note_file();
  if (!ready)
    return tl::make_unexpected(ready.error());
  return made;
}

result<int> database::read_schema_version(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0)
    return 0;
  auto connection = connect_to(path, SQLITE_OPEN_READONLY);
  if (!connection)
    return tl::make_unexpected(connection.error());
  return database{path, connection->release()}.known_version();
}

result<int> database::known_version() {
  auto version = schema_version();
  if (!version)
    return tl::make_unexpected(damaged(path_, version.error()));
  if (*version > newest_migration())
    return tl::make_unexpected(too_new(path_, *version));
  return version;
}

/// A damaged page is found before anything is written beside it.
result<void> database::check() {
  auto rows = prepare("PRAGMA quick_check(1)");
  auto row = rows.next();
  if (!row)
    return tl::make_unexpected(row.error());
  auto verdict = rows.text(0);
  if (verdict != "ok")
    return fail(ec::storage_failed, "check the database", verdict);
  return {};
}

result<void> database::note_file() {
  struct stat found {};
  if (::stat(path_.c_str(), &found) != 0)
    return fail_errno("look at the database " + path_);
  device_ = found.st_dev;
  inode_ = found.st_ino;
  return {};
}

bool database::is_in_transaction() const {
  return sqlite3_get_autocommit(connection_) == 0;
}

result<void> database::keep_in_place() {
  struct stat found {};
  if (::stat(path_.c_str(), &found) == 0) {
    if (found.st_dev == device_ && found.st_ino == inode_)
      return {};
    return fail(ec::storage_failed, "write to the database " + path_,
                "another file has been put in its place",
                "banger daemon stop; the next command opens that one");
  }
  return errno == ENOENT ? put_back() : fail_errno("look at the database " + path_);
}

/// All of it is still there for as long as we hold it open: copies it back to its name.
result<void> database::put_back() {
  const auto copy = path_ + ".new";
  // What belongs to the removed file by name would be taken for the new one's.
  for (const auto* suffix : {"-wal", "-shm"})
    ::unlink((path_ + suffix).c_str());
  ::unlink(copy.c_str());
  if (auto copied = prepare("VACUUM INTO ?").bind(copy).run(); !copied)
    return copied;
  ::chmod(copy.c_str(), 0600);
  if (::rename(copy.c_str(), path_.c_str()) != 0)
    return fail_errno("put back the database " + path_);
  auto again = open(path_);
  if (!again)
    return tl::make_unexpected(again.error());
  std::swap(connection_, (*again)->connection_);
  std::swap(cache_, (*again)->cache_);
  return note_file();
}

database::~database() {
  cache_.reset(); // before its connection
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
  if (auto ok = db.prepare("BEGIN IMMEDIATE").run(); !ok)
    return tl::make_unexpected(ok.error());
  return transaction{db};
}

result<void> transaction::commit() {
  auto ok = db_->prepare("COMMIT").run();
  if (ok)
    db_ = nullptr; // else the destructor rolls back
  return ok;
}

transaction::~transaction() {
  if (db_ != nullptr)
    (void)db_->execute("ROLLBACK");
}

} // namespace banger::storage
