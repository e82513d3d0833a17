#include "actors/vm.hpp"

#include "tests/support/vm_world.hpp"

#include <algorithm>

using namespace banger;
using namespace banger::test;

namespace {

struct resources_world : vm_world {
  auto set(std::uint32_t vcpus, std::uint32_t memory, std::uint32_t disk,
           const std::string& op = "op9") {
    order what;
    what.op = op;
    what.kind = order_kind::set;
    what.subject = "box";
    what.change.vcpu_count = vcpus;
    what.change.memory_mib = memory;
    what.change.disk_mib = disk;
    return ask<vm_info>(vm, what, progress_actor{});
  }

  vm_stats stats() {
    auto x = ask<vm_stats>(vm, get_vm_stats{"box"});
    REQUIRE(x->value);
    return *x->value;
  }
};

} // namespace

TEST_CASE_FIXTURE(resources_world, "vm set: the record comes first, then the disk") {
  spawn_stopped();
  const auto x = set(2, 1024, 16'384);
  REQUIRE(x->value);
  CHECK(x->value->vcpu_count == 2);
  CHECK(x->value->memory_mib == 1024);
  CHECK(x->value->disk_mib == 16'384);
  CHECK(x->value->state == vm_state::stopped);
  CHECK(x->value->running_vcpu_count == 0);
  CHECK(x->value->operation.empty());
  CHECK(plan.log == std::vector<std::string>{"save", "grow disk to 16384"});
  CHECK(plan.saved.disk_mib == 16'384);
  REQUIRE_FALSE(plan.transitions.empty());
  CHECK(plan.transitions.back().operation == "set");
  CHECK(plan.transitions.back().cause ==
        "vcpu 1 -> 2, memory 512 MiB -> 1 GiB, disk 8 GiB -> 16 GiB");
}

TEST_CASE_FIXTURE(resources_world, "vm set: where the disk stays, it is not touched") {
  spawn_stopped();
  REQUIRE(set(2, 0, 0)->value);
  CHECK(plan.log == std::vector<std::string>{"save"});
}

TEST_CASE_FIXTURE(resources_world, "vm set: what is so already is done without a write") {
  spawn_stopped();
  REQUIRE(set(1, 512, 8192)->value);
  CHECK(plan.log.empty());
}

TEST_CASE_FIXTURE(resources_world, "vm set: what cannot be is refused, and changes nothing") {
  spawn_stopped();
  CHECK(set(0, 0, 4096)->why.code == ec::bad_request);
  CHECK(set(1000, 0, 0)->why.code == ec::bad_request);
  CHECK(set(0, 0, 0)->why.code == ec::bad_request);
  CHECK(plan.log.empty());
  CHECK(look().disk_mib == 8192);
  CHECK(look().operation.empty());
}

TEST_CASE_FIXTURE(resources_world, "vm set: a record that cannot be saved stays as it was") {
  spawn_stopped();
  plan.store_fails_at = 1;
  plan.trouble = {ec::no_space, "save", "No space left on device", {}};
  const auto x = set(2, 0, 16'384);
  CHECK(x->why.code == ec::no_space);
  CHECK(look().vcpu_count == 1);
  CHECK(look().disk_mib == 8192);
  CHECK(plan.saved.disk_mib == 8192);
  CHECK_FALSE(plan.saw("grow disk to 16384"));
}

TEST_CASE_FIXTURE(resources_world, "vm set: a disk that cannot grow takes the record back") {
  spawn_stopped();
  plan.files = manner::badly;
  plan.trouble = {ec::no_space, "grow", "File too large", {}};
  const auto x = set(2, 0, 16'384);
  CHECK(x->why.code == ec::no_space);
  CHECK(plan.saved.disk_mib == 8192);
  CHECK(plan.saved.vcpu_count == 1);
  CHECK(look().disk_mib == 8192);
  CHECK(plan.transitions.back().cause.starts_with("undone: "));
  plan.files = manner::well;
  CHECK(set(2, 0, 16'384)->value);
}

TEST_CASE_FIXTURE(resources_world, "vm set: a VM that runs has it from its next start on") {
  spawn_stopped();
  (void)give(order_kind::start);
  plan.log.clear();
  const auto x = set(2, 1024, 16'384);
  REQUIRE(x->value);
  CHECK(x->value->state == vm_state::running);
  CHECK(x->value->memory_mib == 1024);
  CHECK(x->value->running_vcpu_count == 1);
  CHECK(x->value->running_memory_mib == 512);
  CHECK(x->value->running_disk_mib == 8192);
  CHECK(plan.log == std::vector<std::string>{"save"}); // its disk is in use
  CHECK(stats().memory_mib == 512);
  (void)give(order_kind::restart, "op2");
  CHECK(look().running_memory_mib == 1024);
  CHECK(look().running_disk_mib == 16'384);
}

TEST_CASE_FIXTURE(resources_world, "vm set: a VM that is at something else says so") {
  plan.ready = manner::never;
  spawn_stopped();
  (void)give(order_kind::start);
  CHECK(set(2, 0, 0)->why.code == ec::busy);
}

TEST_CASE_FIXTURE(resources_world, "vm set: what is asked for meanwhile waits for its end") {
  spawn_stopped();
  plan.store = manner::never;
  const auto x = set(2, 0, 0);
  CHECK(x->is_silent());
  const auto start = give(order_kind::start, "op2");
  const auto gone = give(order_kind::remove, "op3");
  CHECK(start->is_silent());
  CHECK(gone->is_silent());
  CHECK(plan.machines == 0);
  plan.store = manner::well;
  pass(context->deadlines.storage + std::chrono::seconds{1});
  CHECK(x->why.code != ec::none);
  CHECK(plan.machines == 1);
  CHECK(gone->value);
}

TEST_CASE_FIXTURE(resources_world, "vm set: a hypervisor that ends meanwhile is heard after it") {
  spawn_stopped();
  (void)give(order_kind::start);
  plan.store = manner::never;
  const auto x = set(2, 0, 0);
  caf::anon_send(vm, machine_ended{"the guest shut down", false});
  settle();
  CHECK(look().state == vm_state::running);
  plan.store = manner::well;
  pass(context->deadlines.storage + std::chrono::seconds{1});
  CHECK(x->why.code != ec::none);
  CHECK(look().state == vm_state::stopped);
  CHECK(look().last_error == "the guest shut down");
}

TEST_CASE_FIXTURE(resources_world, "vm recovery: a process runs with what it was started with") {
  auto x = record("box", settled_state::running);
  x.wanted = wanted_state::running;
  x.memory_mib = 2048;
  vm_past past;
  past.is_alive = true;
  past.pid = 4242;
  past.handles = "handles";
  past.sizes = {1, 512, 8192};
  spawn_vm(x, past);
  CHECK(look().state == vm_state::running);
  CHECK(look().memory_mib == 2048);
  CHECK(look().running_memory_mib == 512);
}

TEST_CASE_FIXTURE(resources_world, "vm stats: a VM that is stopped has its disks alone") {
  plan.usage.disk_allocated_bytes = 7;
  plan.usage.disk_virtual_bytes = 9;
  spawn_stopped();
  const auto x = stats();
  CHECK(plan.saw("measure"));
  CHECK(x.name == "box");
  CHECK(x.state == vm_state::stopped);
  CHECK(x.disk_allocated_bytes == 7);
  CHECK(x.disk_virtual_bytes == 9);
  CHECK(x.process_count == 0);
  CHECK(x.uptime_ms == 0);
}

TEST_CASE_FIXTURE(resources_world, "vm stats: each look counts from the one before") {
  spawn_stopped();
  (void)give(order_kind::start);
  plan.usage = {500'000, 2, 3'000, 100, 50, 1, 2, true, 10, 20};
  const auto first = stats();
  CHECK(plan.saw("measure running"));
  CHECK(first.uptime_ms > 0);
  CHECK(first.interval_ms == static_cast<std::uint64_t>(first.uptime_ms)); // since its start
  CHECK(first.interval_cpu_ms == 3'000);
  CHECK(first.received_bytes == 10);
  CHECK(first.sent_bytes == 20);
  plan.usage.clock_ms += 1'000;
  plan.usage.cpu_ms += 250;
  const auto second = stats();
  CHECK(second.interval_ms == 1'000);
  CHECK(second.interval_cpu_ms == 250);
  plan.usage.clock_ms += 50; // so soon that the next one counts from here as well
  plan.usage.cpu_ms += 20;
  CHECK(stats().interval_ms == 50);
  plan.usage.clock_ms += 500;
  CHECK(stats().interval_ms == 550);
}

TEST_CASE_FIXTURE(resources_world,
                  "vm stats: the guest says what it uses; a silent one is not waited for") {
  spawn_stopped();
  (void)give(order_kind::start);
  plan.usage = {500'000, 2, 3'000, 100, 50, 1, 2, true, 10, 20};
  CHECK(stats().guest_memory_bytes == 480);
  CHECK(stats().guest_memory_used_bytes == 120);
  plan.memory = manner::never;
  auto x = ask<vm_stats>(vm, get_vm_stats{"box"});
  CHECK(x->is_silent());
  pass(std::chrono::milliseconds{600});
  REQUIRE(x->value);
  CHECK(x->value->guest_memory_bytes == 0);
  CHECK(x->value->resident_bytes == 100);
  plan.memory = manner::badly;
  CHECK(stats().guest_memory_bytes == 0);
}

TEST_CASE_FIXTURE(resources_world, "vm stats: another run begins to count anew") {
  spawn_stopped();
  (void)give(order_kind::start);
  plan.usage = {500'000, 2, 3'000, 100, 50, 1, 2, true, 10, 20};
  (void)stats();
  (void)give(order_kind::restart, "op2");
  plan.usage.clock_ms += 5'000;
  plan.usage.cpu_ms = 100;
  CHECK(stats().interval_cpu_ms == 100);
}
