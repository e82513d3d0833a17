#include "storage/database.hpp"

#include "host/files.hpp"
#include "storage/migrations.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>

using namespace banger;
using namespace banger::storage;

namespace {

struct folder {
  test::temporary_folder directory;
  const std::string path = directory / "x.db";
  [[nodiscard]] std::string bytes() const {
    return host::read_file(path, 16U << 20).value_or("none");
  }
};

} // namespace

TEST_CASE_FIXTURE(folder, "database: a new one is private and has the newest schema") {
  const auto db = database::open(path);
  REQUIRE(db);
  CHECK((*db)->schema_version() == newest_migration());
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE_FIXTURE(folder, "database: what was written is there when it is opened again") {
  {
    const auto db = database::open(path);
    REQUIRE(db);
    REQUIRE((*db)->execute("CREATE TABLE t (x TEXT)"));
    REQUIRE((*db)->prepare("INSERT INTO t VALUES (?)").bind("it's \xc3\xa4").run());
  }
  const auto db = database::open(path);
  REQUIRE(db);
  CHECK((*db)->schema_version() == newest_migration());
  auto row = (*db)->prepare("SELECT x FROM t");
  CHECK(row.next() == true);
  CHECK(row.text(0) == "it's \xc3\xa4");
  CHECK(row.next() == false);
}

TEST_CASE_FIXTURE(folder, "database: a file that is no database is refused and left alone") {
  for (const std::string& junk : {std::string(5000, 'x'), std::string{"hello"},
                                  "SQLite format 3" + std::string(4000, '\1')}) {
    REQUIRE(host::write_file(path, junk, 0600));
    const auto db = database::open(path);
    REQUIRE_FALSE(db);
    CHECK(db.error().code == ec::storage_failed);
    CHECK(db.error().what.find(path) != std::string::npos);
    CHECK(bytes() == junk);
  }
}

TEST_CASE_FIXTURE(folder, "database: an empty file is a new database") {
  REQUIRE(host::write_file(path, "", 0600));
  CHECK(database::open(path));
}

TEST_CASE_FIXTURE(folder, "database: a newer schema is refused, and not a byte of it changes") {
  {
    const auto db = database::open(path);
    REQUIRE(db);
    REQUIRE((*db)
                ->prepare("INSERT INTO schema_migrations (number) VALUES (?)")
                .bind(std::int64_t{newest_migration() + 1})
                .run());
  }
  const auto before = bytes();
  const auto db = database::open(path);
  REQUIRE_FALSE(db);
  CHECK(db.error().code == ec::version_mismatch);
  CHECK_FALSE(db.error().hint.empty());
  CHECK(bytes() == before);
}

TEST_CASE_FIXTURE(folder, "database: the steps that made a schema are recorded once each") {
  for (int i = 0; i < 3; ++i)
    REQUIRE(database::open(path));
  const auto db = database::open(path);
  REQUIRE(db);
  auto row = (*db)->prepare("SELECT count(*) FROM schema_migrations");
  REQUIRE(row.next() == true);
  CHECK(row.integer(0) == newest_migration());
}

TEST_CASE_FIXTURE(folder, "database: it keeps its promises to the disk") {
  const auto db = database::open(path);
  REQUIRE(db);
  auto journal = (*db)->prepare("PRAGMA journal_mode");
  REQUIRE(journal.next() == true);
  CHECK(journal.text(0) == "wal");
  auto sync = (*db)->prepare("PRAGMA synchronous");
  REQUIRE(sync.next() == true);
  CHECK(sync.integer(0) == 2);
  auto keys = (*db)->prepare("PRAGMA foreign_keys");
  REQUIRE(keys.next() == true);
  CHECK(keys.integer(0) == 1);
}

TEST_CASE_FIXTURE(folder, "database: a transaction keeps all or nothing") {
  const auto opened = database::open(path);
  REQUIRE(opened);
  auto& db = **opened;
  REQUIRE(db.execute("CREATE TABLE t (x INTEGER)"));
  const auto count = [&] {
    auto row = db.prepare("SELECT count(*) FROM t");
    REQUIRE(row.next() == true);
    return row.integer(0);
  };
  {
    auto together = transaction::begin(db);
    REQUIRE(together);
    REQUIRE(db.execute("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)"));
  }
  CHECK(count() == 0);
  {
    auto together = transaction::begin(db);
    REQUIRE(together);
    REQUIRE(db.execute("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)"));
    auto moved = std::move(*together);
    CHECK(moved.commit());
  }
  CHECK(count() == 2);
  auto outer = transaction::begin(db);
  REQUIRE(outer);
  CHECK_FALSE(transaction::begin(db)); // they do not nest
  CHECK(outer->commit());
}

TEST_CASE_FIXTURE(folder, "database: wrong SQL is a failure, not a crash") {
  const auto db = database::open(path);
  REQUIRE(db);
  CHECK((*db)->execute("NONSENSE").error().code == ec::storage_failed);
  auto wrong = (*db)->prepare("SELECT x FROM no_such_table");
  wrong.bind(std::int64_t{1}).bind("x");
  CHECK(wrong.next().error().code == ec::storage_failed);
  CHECK(wrong.run().error().code == ec::storage_failed);
}

TEST_CASE_FIXTURE(folder, "database: a broken UNIQUE is told as such") {
  const auto db = database::open(path);
  REQUIRE(db);
  REQUIRE(
      (*db)->execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT UNIQUE, y CHECK (y > 0))"));
  REQUIRE((*db)->execute("INSERT INTO t VALUES (1, 'a', 1)"));
  CHECK((*db)->execute("INSERT INTO t VALUES (2, 'a', 1)").error().code == ec::already_exists);
  CHECK((*db)->execute("INSERT INTO t VALUES (1, 'b', 1)").error().code == ec::already_exists);
  CHECK((*db)->execute("INSERT INTO t VALUES (3, 'c', 0)").error().code == ec::storage_failed);
}

TEST_CASE("database: where the folder is missing there is a failure") {
  CHECK_FALSE(database::open("/no/such/folder/x.db"));
}
