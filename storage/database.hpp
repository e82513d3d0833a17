// SQLite, owned: a connection and its statements. Blocks; one thread at a time.
#pragma once

#include "protocol/result.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

namespace banger::storage {

struct statement_finalizer {
  void operator()(sqlite3_stmt* x) const;
};
using statement_pointer = std::unique_ptr<sqlite3_stmt, statement_finalizer>;

/// The statements of one connection that nobody uses now, by their text: to compile one takes
/// longer than to run it. Holds no more than some tens.
class statement_cache {
public:
  /// @returns one that is ready to be bound; null where the SQL is wrong
  [[nodiscard]] statement_pointer take(sqlite3* connection, std::string_view sql);
  void give_back(statement_pointer x);

private:
  std::map<std::string, statement_pointer, std::less<>> idle_;
};

/// One prepared statement, run once. Values are bound in order. Ends before its database.
class statement {
public:
  statement(sqlite3* connection, statement_cache& cache, std::string_view sql);
  ~statement();
  statement(statement&&) noexcept = default;

  statement& bind(std::int64_t value);
  statement& bind(std::string_view value);
  statement& bind_blob(std::string_view value);

  /// Runs to the end. Errors: already_exists for a broken UNIQUE or PRIMARY KEY; no_space;
  /// storage_failed.
  [[nodiscard]] result<void> run();

  /// Advances to the next row. @returns false after the last one. Errors: storage_failed.
  [[nodiscard]] result<bool> next();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] std::string blob(int column) const;

private:
  sqlite3* connection_;
  statement_cache* cache_;
  statement_pointer statement_;
  int next_parameter_ = 1;
};

/// The connection.
class database {
public:
  /// Opens or makes the file (0600), with WAL, foreign keys and a busy timeout of 5 s, and brings
  /// its schema up to date. Errors: version_mismatch for a schema newer than this program, which is
  /// left untouched; storage_failed for a file that is no database; no_space.
  [[nodiscard]] static result<std::unique_ptr<database>> open(const std::string& path);

  /// What schema a file has, without a change to it: 0 for a new or missing file. Errors: as open.
  [[nodiscard]] static result<int> read_schema_version(const std::string& path);

  ~database();
  database(const database&) = delete;

  [[nodiscard]] statement prepare(std::string_view sql) { return {connection_, *cache_, sql}; }

  /// Runs statements that have no parameters and no rows.
  [[nodiscard]] result<void> execute(const std::string& sql);

  /// The number of the newest migration this file has had; 0 for a new file.
  [[nodiscard]] result<int> schema_version();

  /// False also where SQLite has rolled a transaction back by itself, as it does on some errors.
  [[nodiscard]] bool is_in_transaction() const;

  /// Sees to it that the path still names the file we write to. One that was removed is put back
  /// from what is open still, so that nothing is lost. Errors: storage_failed where another file is
  /// in its place; no_space.
  [[nodiscard]] result<void> keep_in_place();

  [[nodiscard]] const std::string& path() const { return path_; }

private:
  database(std::string path, sqlite3* connection)
      : path_(std::move(path)), connection_(connection) {}
  result<int> known_version();
  result<void> check();
  result<void> note_file();
  result<void> put_back();

  std::string path_;
  sqlite3* connection_;
  std::unique_ptr<statement_cache> cache_ = std::make_unique<statement_cache>();
  std::uint64_t device_ = 0; ///< with the inode: the file that is open
  std::uint64_t inode_ = 0;
};

/// Several writes as one: all of them are kept, for the price of one fsync, or none. Rolls back
/// when it goes without a commit. They do not nest.
class transaction {
public:
  /// Takes the write lock at once, so that no later statement finds it taken. Errors:
  /// storage_failed.
  [[nodiscard]] static result<transaction> begin(database& db);

  /// On a failure nothing has changed. Errors: no_space; storage_failed.
  [[nodiscard]] result<void> commit();

  transaction(transaction&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  transaction(const transaction&) = delete;
  ~transaction();

private:
  explicit transaction(database& db) : db_(&db) {}
  database* db_; ///< null once it is over
};

} // namespace banger::storage
