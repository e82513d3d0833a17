// What is another thing for a VM in Firecracker than for one in QEMU, but for the driver itself,
// which tests/firecracker runs.
#include "actors/supervisor.hpp"

#include "actors/events.hpp"
#include "hypervisor/firecracker_process.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/vm_world.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace banger;
using namespace banger::test;

namespace {

struct driver_world : vm_world {
  vm_record of_driver(settled_state settled, vm_driver driver) {
    auto x = record("box", settled);
    x.driver = driver;
    return x;
  }
};

/// PATH is one empty folder, and as it was when this is gone.
struct bare_path {
  bare_path() { ::setenv("PATH", folder.path().c_str(), 1); }
  ~bare_path() { ::setenv("PATH", before.c_str(), 1); }
  temporary_folder folder;
  std::string before = std::getenv("PATH");
};

struct planner : scripted_world {
  events_actor events = keep(system.spawn(actors::events, context->store, event_page{}));
  supervisor_actor supervisor;

  planner() {
    std::shared_ptr<const actors::vm_context> shared = context;
    supervisor = keep(system.spawn(actors::supervisor, shared, events, std::string{"/nowhere"},
                                   std::vector<actors::known_vm>{}, std::uint32_t{0}));
    settle();
  }
  ~planner() {
    caf::anon_send_exit(supervisor, caf::exit_reason::user_shutdown);
    settle();
  }

  auto create(vm_driver driver) {
    order what;
    what.op = "op";
    what.kind = order_kind::create;
    what.config.name = "box";
    what.config.driver = driver;
    return ask<vm_info>(supervisor, what, progress_actor{});
  }
};

} // namespace

TEST_CASE_FIXTURE(driver_world, "vm driver: one in Firecracker is started by its driver") {
  spawn_vm(of_driver(settled_state::stopped, vm_driver::firecracker));
  auto started = give(order_kind::start);
  REQUIRE(started->value);
  CHECK(started->value->driver == vm_driver::firecracker);
  CHECK(plan.saw("firecracker"));
  CHECK(plan.more_modules == "/i/firecracker.cpio");
}

TEST_CASE_FIXTURE(driver_world, "vm driver: one in QEMU is not, and loads no modules in vain") {
  spawn_vm(of_driver(settled_state::stopped, vm_driver::qemu));
  auto started = give(order_kind::start);
  REQUIRE(started->value);
  CHECK(started->value->driver == vm_driver::qemu);
  CHECK_FALSE(plan.saw("firecracker"));
  CHECK(plan.more_modules.empty());
}

TEST_CASE_FIXTURE(driver_world, "vm driver: Firecracker's root disk is a whole one") {
  spawn_vm(of_driver(settled_state::creating, vm_driver::firecracker));
  REQUIRE(give(order_kind::create)->value);
  CHECK(plan.made_raw);
  CHECK(plan.saved.driver == vm_driver::firecracker);
}

TEST_CASE_FIXTURE(driver_world, "vm driver: Firecracker's root disk can be a snapshot") {
  auto x = of_driver(settled_state::creating, vm_driver::firecracker);
  x.root_disk = root_disk_kind::snapshot;
  spawn_vm(x);
  REQUIRE(give(order_kind::create)->value);
  CHECK_FALSE(plan.made_raw);
}

TEST_CASE_FIXTURE(driver_world,
                  "vm driver: an image whose init is not ours is refused at its start") {
  auto x = of_driver(settled_state::stopped, vm_driver::firecracker);
  x.image = "systemd";
  spawn_vm(x);
  auto started = give(order_kind::start);
  CHECK(started->why.code == ec::bad_request);
  CHECK(started->why.hint.find("--driver qemu") != std::string::npos);
  CHECK_FALSE(plan.saw("firecracker"));
}

TEST_CASE_FIXTURE(planner, "vm driver: without the program no VM for it is made") {
  bare_path path;
  auto made = create(vm_driver::firecracker);
  CHECK(made->why.code == ec::missing_program);
  CHECK(made->why.what == "find firecracker");
  CHECK_FALSE(made->why.hint.empty());
  CHECK(ask<vm_list>(supervisor, list_vms{})->value->vms.empty());
  CHECK(create(vm_driver::qemu)->value);
}

TEST_CASE_FIXTURE(planner,
                  "vm driver: without KVM no VM for it is made; with both it is isolated") {
  bare_path path;
  const auto program = path.folder / "firecracker";
  std::ofstream{program} << "";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  auto made = create(vm_driver::firecracker);
  if (hypervisor::check_kvm()) {
    REQUIRE(made->value);
    CHECK(made->value->is_isolated);
  } else {
    CHECK(made->why.code == ec::hypervisor_failed);
    CHECK(made->why.what == "use /dev/kvm, which Firecracker needs");
    CHECK(made->why.hint.find("--driver qemu") != std::string::npos);
  }
}
