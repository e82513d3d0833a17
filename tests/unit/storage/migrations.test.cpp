// Databases of older programs: each is brought up to date with all that was in it.
#include "storage/migrations.hpp"

#include "host/files.hpp"
#include "storage/vm_records.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>
#include <sqlite3.h>

using namespace banger;
using namespace banger::storage;

namespace {

struct old_database {
  test::temporary_folder folder;
  const std::string path = folder / "x.db";

  void write(int schema) const {
    const auto file = std::string{BANGER_TEST_DATA} + "/schema/" + std::to_string(schema) + ".sql";
    const auto text = host::read_file(file, 1U << 20);
    REQUIRE_MESSAGE(text, file, " is missing: each schema that was in use is kept");
    sqlite3* connection = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &connection) == SQLITE_OK);
    REQUIRE(sqlite3_exec(connection, text->c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(connection);
  }
};

} // namespace

TEST_CASE_FIXTURE(old_database, "migrations: each older schema is brought up, and loses nothing") {
  for (int schema = 1; schema < newest_migration(); ++schema) {
    CAPTURE(schema);
    write(schema);
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
    REQUIRE(
        add_transitions(**db, box.id, {{7, vm_state::running, vm_state::stopped, {}, {}, "x"}}));
    CHECK(load_vm_transitions(**db, box.id)->size() == 1);
    REQUIRE(remove_vm_record(**db, box.id));
    CHECK(load_vm_transitions(**db, box.id)->empty());
  }
}

TEST_CASE_FIXTURE(old_database, "migrations: a crash between two steps leaves a whole schema") {
  write(1);
  {
    auto db = database::open(path);
    REQUIRE(db);
    // As after a step whose number was not written: the next start must not do it half.
    REQUIRE((*db)->execute("DELETE FROM schema_migrations WHERE number = 2"));
  }
  auto db = database::open(path);
  REQUIRE_FALSE(db);
  CHECK(db.error().what == "bring the database up to schema 2");
  CHECK(database::read_schema_version(path) == 1);
}

TEST_CASE_FIXTURE(old_database,
                  "migrations: a file that is not there has no schema, and is not made") {
  CHECK(database::read_schema_version(path) == 0);
  CHECK_FALSE(host::exists(path));
}
