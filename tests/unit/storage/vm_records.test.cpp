#include "storage/vm_records.hpp"

#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

using namespace banger;
using namespace banger::storage;

namespace {

struct table {
  table() {
    auto opened = database::open(path);
    REQUIRE(opened);
    db = std::move(*opened);
  }
  test::temporary_folder directory;
  const std::string path = directory / "x.db";
  std::unique_ptr<database> db;
};

/// Every field has a value of its own.
vm_record sample(const std::string& id, const std::string& name, const std::string& address) {
  vm_record x;
  x.id = id;
  x.name = name;
  x.image = "debian";
  x.image_build = "20240101-1";
  x.vcpu_count = 3;
  x.memory_mib = 4'000'000'000;
  x.disk_mib = 5;
  x.is_isolated = true;
  x.is_ephemeral = true;
  x.address = address;
  x.ssh_port = 65535;
  x.directory = "/a \"b\" 'c'/" + id;
  x.host_key_public = "ssh-ed25519 AAAA";
  x.created_at_ms = 1'700'000'000'123;
  x.wanted = wanted_state::running;
  x.settled = settled_state::error;
  x.error = "it broke; DROP TABLE vms";
  x.error_stage = "booting";
  x.error_at_ms = 1'700'000'000'456;
  x.driver = vm_driver::firecracker;
  x.network = network_kind::tap;
  x.has_nat = false;
  x.root_disk = root_disk_kind::snapshot;
  return x;
}

const vm_record box = sample("000000000001", "box", "127.77.0.2");
const vm_record web = sample("000000000002", "web", "127.77.0.3");

} // namespace

TEST_CASE_FIXTURE(table, "vm records: a new table is empty") {
  CHECK(load_vms(*db) == std::vector<vm_record>{});
}

TEST_CASE_FIXTURE(table, "vm records: every field is kept, across a restart, sorted by name") {
  REQUIRE(save_vm_record(*db, web));
  REQUIRE(save_vm_record(*db, box));
  db.reset();
  auto again = database::open(path);
  REQUIRE(again);
  CHECK(load_vms(**again) == std::vector{box, web});
}

TEST_CASE_FIXTURE(table, "vm records: one is found by its id") {
  REQUIRE(save_vm_record(*db, web));
  REQUIRE(save_vm_record(*db, box));
  CHECK(load_vm_record(*db, box.id) == box);
  CHECK(load_vm_record(*db, "no such id").error().code == ec::not_found);
  CHECK(load_vm_record(*db, "").error().code == ec::not_found);
}

TEST_CASE_FIXTURE(table, "vm records: a record of the same id replaces the old one") {
  REQUIRE(save_vm_record(*db, box));
  vm_record changed;
  changed.id = box.id;
  changed.name = "renamed";
  changed.address = "127.77.9.9";
  REQUIRE(save_vm_record(*db, changed));
  CHECK(load_vms(*db) == std::vector{changed});
}

TEST_CASE_FIXTURE(table, "vm records: every state is kept") {
  for (auto settled : {settled_state::creating, settled_state::stopped, settled_state::running,
                       settled_state::error})
    for (auto wanted : {wanted_state::stopped, wanted_state::running, wanted_state::deleted}) {
      auto x = box;
      x.settled = settled;
      x.wanted = wanted;
      REQUIRE(save_vm_record(*db, x));
      CHECK(load_vms(*db) == std::vector{x});
    }
}

TEST_CASE_FIXTURE(table, "vm records: no two VMs have one name or one address") {
  REQUIRE(save_vm_record(*db, box));
  auto same_name = web;
  same_name.name = box.name;
  CHECK(save_vm_record(*db, same_name).error().code == ec::already_exists);
  auto same_address = web;
  same_address.address = box.address;
  CHECK(save_vm_record(*db, same_address).error().code == ec::already_exists);
  CHECK(load_vms(*db) == std::vector{box});
  REQUIRE(save_vm_record(*db, web));
  same_name.name = box.name;
  CHECK(save_vm_record(*db, same_name).error().code == ec::already_exists); // nor by renaming
  CHECK(load_vms(*db) == std::vector{box, web});
}

TEST_CASE_FIXTURE(table, "vm records: a removed one is gone, its name free; none there is fine") {
  REQUIRE(save_vm_record(*db, box));
  REQUIRE(save_vm_record(*db, web));
  CHECK(remove_vm_record(*db, box.id));
  CHECK(remove_vm_record(*db, box.id));
  CHECK(load_vms(*db) == std::vector{web});
  CHECK(save_vm_record(*db, sample("000000000003", "box", "127.77.0.2")));
}

TEST_CASE_FIXTURE(table, "vm records: a state from nowhere is an error, not a running VM") {
  REQUIRE(save_vm_record(*db, box));
  REQUIRE(db->execute("UPDATE vms SET settled = 77, wanted = 77"));
  const auto all = load_vms(*db);
  REQUIRE(all);
  CHECK(all->front().settled == settled_state::error);
  CHECK(all->front().wanted == wanted_state::stopped);
}
