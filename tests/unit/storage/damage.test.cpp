// What the store does where the disk is full or the file is damaged, and beside other readers.
#include "storage/vm_records.hpp"

#include "host/files.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace host = banger::host;
namespace storage = banger::storage;
using banger::ec;
using banger::vm_record;

namespace {

constexpr std::size_t plenty = 16U << 20;
constexpr std::size_t page = 4096;

vm_record record(int i) {
  vm_record x;
  x.id = std::to_string(100'000'000'000 + i);
  x.name = "vm-" + std::to_string(i);
  x.address = "127.77.1." + std::to_string(i);
  return x;
}

struct store {
  [[nodiscard]] std::unique_ptr<storage::database> open() const {
    auto made = storage::database::open(path);
    REQUIRE_MESSAGE(made, (made ? std::string{} : to_string(made.error())));
    return std::move(*made);
  }
  [[nodiscard]] std::string bytes() const {
    auto text = host::read_file(path, plenty);
    REQUIRE(text);
    return *text;
  }
  void fill(int count) const {
    auto db = open();
    for (int i = 0; i < count; ++i)
      REQUIRE(storage::save_vm_record(*db, record(i)));
  } // the last connection: all is in the file now, nothing in its journal

  banger::test::temporary_folder folder;
  const std::string path = folder / "x.db";
};

} // namespace

TEST_CASE_FIXTURE(store, "store damage: a torn file is refused and stays as it is") {
  fill(1);
  auto torn = bytes().substr(0, page + 100);
  REQUIRE(host::write_file(path, torn, 0600));
  auto db = storage::database::open(path);
  REQUIRE(!db);
  CHECK(db.error().code == ec::storage_failed);
  CHECK(bytes() == torn);
}

TEST_CASE_FIXTURE(store, "store damage: a damaged table is a failure, not fewer VMs") {
  fill(200);
  auto text = bytes();
  REQUIRE(text.size() > 4 * page);
  for (std::size_t at = 2 * page; at < text.size(); ++at)
    text[at] = '\xff';
  REQUIRE(host::write_file(path, text, 0600));
  auto db = storage::database::open(path);
  auto all = db ? storage::load_vms(**db) : tl::make_unexpected(db.error());
  REQUIRE(!all);
  CHECK(all.error().code == ec::storage_failed);
}

TEST_CASE_FIXTURE(store, "store: a file that may not be written says so, and stays as it is") {
  fill(3);
  const auto before = bytes();
  REQUIRE(::chmod(path.c_str(), 0444) == 0);
  REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
  // In a process that is not root: nothing is forbidden to that one.
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    constexpr uid_t nobody = 65534;
    if (::geteuid() == 0 && ::setuid(nobody) != 0)
      ::_exit(2);
    const auto db = storage::database::open(path);
    const auto is_told = !db && to_string(db.error()).find(path) != std::string::npos &&
                         to_string(db.error()).find("denied") != std::string::npos;
    ::_exit(is_told ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(bytes() == before);
}

TEST_CASE_FIXTURE(store, "store: a full disk is no_space, and what was there stays") {
  fill(1);
  auto db = open();
  REQUIRE(db->execute("PRAGMA max_page_count = 1")); // SQLite takes what is in use instead
  auto x = record(2);
  x.error = std::string(1U << 20, 'x');
  auto ok = storage::save_vm_record(*db, x);
  REQUIRE(!ok);
  CHECK(ok.error().code == ec::no_space);
  CHECK(storage::load_vms(*db) == std::vector{record(0)});
}

TEST_CASE_FIXTURE(store, "store: a reader sees the last commit while a writer is at work") {
  fill(1);
  auto writer = open();
  auto reader = open();
  auto together = storage::transaction::begin(*writer);
  REQUIRE(together);
  REQUIRE(storage::save_vm_record(*writer, record(1)));
  CHECK(storage::load_vms(*reader) == std::vector{record(0)});
  REQUIRE(together->commit());
  CHECK(storage::load_vms(*reader) == std::vector{record(0), record(1)});
}

TEST_CASE_FIXTURE(store, "store: one conflict in a group leaves the others to be committed") {
  auto db = open();
  auto together = storage::transaction::begin(*db);
  REQUIRE(together);
  REQUIRE(storage::save_vm_record(*db, record(1)));
  auto taken = record(2);
  taken.name = record(1).name;
  CHECK(storage::save_vm_record(*db, taken).error().code == ec::already_exists);
  REQUIRE(storage::save_vm_record(*db, record(3)));
  REQUIRE(together->commit());
  CHECK(storage::load_vms(*db) == std::vector{record(1), record(3)});
}

TEST_CASE_FIXTURE(store, "store: a commit that fails leaves nothing, and the next can begin") {
  auto db = open();
  REQUIRE(db->execute("CREATE TABLE a (id INTEGER PRIMARY KEY);"
                      "CREATE TABLE b (a INTEGER REFERENCES a DEFERRABLE INITIALLY DEFERRED)"));
  {
    auto together = storage::transaction::begin(*db);
    REQUIRE(together);
    REQUIRE(db->execute("INSERT INTO b VALUES (1)"));
    CHECK_FALSE(together->commit()); // there is no such a
  }
  auto rows = db->prepare("SELECT count(*) FROM b");
  REQUIRE(rows.next() == true);
  CHECK(rows.integer(0) == 0);
  CHECK(storage::transaction::begin(*db));
}

TEST_CASE_FIXTURE(store, "store: a migration that fails leaves nothing of itself") {
  fill(0);
  {
    auto db = open();
    REQUIRE(db->execute("DROP TABLE schema_migrations")); // `vms` is now in the way of step 1
  }
  auto db = storage::database::open(path);
  REQUIRE(!db);
  CHECK(db.error().what == "bring the database up to schema 1");
  CHECK(bytes().find("CREATE TABLE schema_migrations") == std::string::npos);
}
