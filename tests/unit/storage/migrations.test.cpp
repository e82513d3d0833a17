// Databases of older programs: each is brought up to date with all that was in it.
#include "storage/migrations.hpp"

#include "host/files.hpp"
#include "storage/session_records.hpp"
#include "storage/vm_records.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <cctype>

using namespace banger;
using namespace banger::storage;

namespace {

struct old_database {
  test::temporary_folder folder;

  /// @returns its path
  [[nodiscard]] std::string write(int schema) const {
    const auto file = std::string{BANGER_TEST_DATA} + "/schema/" + std::to_string(schema) + ".sql";
    const auto text = host::read_file(file, 1U << 20);
    REQUIRE_MESSAGE(text, file, " is missing: each schema that was in use is kept");
    const auto path = folder / (std::to_string(schema) + ".db");
    sqlite3* connection = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &connection) == SQLITE_OK);
    REQUIRE(sqlite3_exec(connection, text->c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(connection);
    return path;
  }
};

/// What a database is made of, without regard to how the lines are broken.
std::string tables_of(database& db) {
  auto rows = db.prepare("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL "
                         "ORDER BY type, name");
  std::string all;
  for (;;) {
    auto row = rows.next();
    REQUIRE(row);
    if (!*row)
      return all;
    for (int column = 0; column < 3; ++column) {
      for (char c : rows.text(column))
        if (!std::isspace(static_cast<unsigned char>(c)))
          all += c;
      all += ' ';
    }
  }
}

session_record session_of(const std::string& vm_id) {
  session_record x;
  x.vm_id = vm_id;
  x.info.id = "aaaaaaaaaaaa";
  x.info.config.name = "make-1";
  x.info.config.argv = {"make"};
  return x;
}

} // namespace

TEST_CASE_FIXTURE(old_database, "migrations: each older schema is brought up, and loses nothing") {
  for (int schema = 1; schema < newest_migration(); ++schema) {
    CAPTURE(schema);
    const auto path = write(schema);
    CHECK(database::read_schema_version(path) == schema); // says so, and changes nothing
    CHECK(database::read_schema_version(path) == schema);
    auto db = database::open(path);
    REQUIRE(db);
    CHECK((*db)->schema_version() == newest_migration());
    const auto all = load_vms(**db);
    REQUIRE(all);
    REQUIRE(all->size() == 2);
    const auto& box = all->front();
    CHECK(box.name == "box");
    CHECK(box.vcpu_count == 2);
    CHECK(box.wanted == wanted_state::running);
    CHECK(box.settled == settled_state::running);
    CHECK(box.created_at_ms == 1763990001000);
    const auto& old = all->back();
    CHECK(old.is_isolated);
    CHECK(old.settled == settled_state::error);
    CHECK(old.error_stage == "booting");
    CHECK(old.network == network_kind::user);
    CHECK(old.has_nat);
    CHECK(old.root_disk == root_disk_kind::overlay);
  }
}

TEST_CASE_FIXTURE(old_database, "migrations: what newer schemas have works in each older one") {
  for (int schema = 1; schema < newest_migration(); ++schema) {
    CAPTURE(schema);
    auto db = database::open(write(schema));
    REQUIRE(db);
    const std::string box = "0123456789ab";
    REQUIRE(add_transitions(**db, box, {{7, vm_state::running, vm_state::stopped, {}, {}, "x"}}));
    CHECK(load_vm_transitions(**db, box)->size() == 1);
    REQUIRE(save_session_record(**db, session_of(box)));
    CHECK(load_session_records(**db, "") == std::vector{session_of(box)});
    REQUIRE(remove_vm_record(**db, box));
    CHECK(load_vm_transitions(**db, box)->empty());
    CHECK(load_session_records(**db, "")->empty());
  }
}

TEST_CASE_FIXTURE(old_database, "migrations: from schema 2 on what became of a VM is kept") {
  for (int schema = 2; schema < newest_migration(); ++schema) {
    CAPTURE(schema);
    auto db = database::open(write(schema));
    REQUIRE(db);
    const std::string old = "ba9876543210";
    const auto past = load_vm_transitions(**db, old);
    REQUIRE(past);
    REQUIRE(past->size() == 3);
    CHECK(past->front().from == vm_state::creating);
    CHECK(past->front().cause == "vm create");
    CHECK(past->back().at_ms == 1763990003000);
    CHECK(past->back().to == vm_state::error);
    CHECK(past->back().stage == "booting");
    CHECK(past->back().cause == "it broke");
    // What comes next comes behind it.
    REQUIRE(add_transitions(**db, old, {{7, vm_state::error, vm_state::starting, {}, {}, "y"}}));
    CHECK(load_vm_transitions(**db, old)->back().cause == "y");
  }
}

TEST_CASE_FIXTURE(old_database, "migrations: an old database becomes as a new one is") {
  auto fresh = database::open(folder / "new.db");
  REQUIRE(fresh);
  const auto expected = tables_of(**fresh);
  for (int schema = 1; schema < newest_migration(); ++schema) {
    CAPTURE(schema);
    auto db = database::open(write(schema));
    REQUIRE(db);
    CHECK(tables_of(**db) == expected);
  }
}

TEST_CASE_FIXTURE(old_database, "migrations: a crash between two steps leaves a whole schema") {
  for (int step = 2; step <= newest_migration(); ++step) {
    CAPTURE(step);
    const auto path = write(step - 1);
    {
      auto db = database::open(path);
      REQUIRE(db);
      // As after a step whose number was not written: the next start must not do it half.
      REQUIRE(
          (*db)->execute("DELETE FROM schema_migrations WHERE number >= " + std::to_string(step)));
    }
    auto db = database::open(path);
    REQUIRE_FALSE(db);
    CHECK(db.error().what == "bring the database up to schema " + std::to_string(step));
    CHECK(database::read_schema_version(path) == step - 1);
  }
}

TEST_CASE_FIXTURE(old_database,
                  "migrations: a file that is not there has no schema, and is not made") {
  const auto path = folder / "x.db";
  CHECK(database::read_schema_version(path) == 0);
  CHECK_FALSE(host::exists(path));
}
