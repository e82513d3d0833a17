#include "actors/vm.hpp"

#include "host/files.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/vm_world.hpp"

using namespace banger;
using namespace banger::test;
using namespace std::chrono_literals;

TEST_CASE_FIXTURE(vm_world, "vm: a start runs its steps in order and ends running") {
  spawn_stopped();
  auto started = give(order_kind::start);
  REQUIRE(started->value);
  CHECK(started->value->state == vm_state::running);
  CHECK(started->value->pid == 4242);
  CHECK(plan.log == std::vector<std::string>{"save", "write boot files", "launch", "write handles",
                                             "await ready", "connect", "save"});
  CHECK(plan.saved.settled == settled_state::running);
  CHECK(plan.saved.wanted == wanted_state::running);
}

TEST_CASE_FIXTURE(vm_world, "vm: a start of a running VM changes nothing") {
  spawn_stopped();
  (void)give(order_kind::start);
  auto again = give(order_kind::start);
  REQUIRE(again->value);
  CHECK(again->value->state == vm_state::running);
  CHECK(plan.machines == 1);
}

TEST_CASE_FIXTURE(vm_world,
                  "vm: a second start while one runs is told busy, with the operation's name") {
  plan.ready = manner::never;
  spawn_stopped();
  auto first = give(order_kind::start);
  CHECK(first->is_silent());
  auto second = give(order_kind::start, "op2");
  CHECK(second->why.code == ec::busy);
  CHECK(second->why.why.find("'start'") != std::string::npos);
}

TEST_CASE_FIXTURE(vm_world, "vm: a stop during a start cancels it and leaves nothing behind") {
  plan.ready = manner::never;
  spawn_stopped();
  auto start = give(order_kind::start);
  auto stop = give(order_kind::stop, "op2");
  CHECK(start->why.code == ec::cancelled);
  REQUIRE(stop->value);
  CHECK(stop->value->state == vm_state::stopped);
  CHECK(stop->value->pid == 0);
  CHECK(plan.saw("end machine"));
  CHECK(plan.log.back() == "save");
  CHECK(plan.saw("clear handles"));
  CHECK(plan.graces == std::vector<std::uint32_t>{0});
}

TEST_CASE_FIXTURE(vm_world, "vm: a silent guest becomes a failed start at its deadline") {
  plan.ready = manner::never;
  spawn_stopped();
  auto start = give(order_kind::start);
  pass(context->deadlines.boot);
  CHECK(start->is_silent());
  pass(core::deadlines::margin + 1s);
  CHECK(start->why.code == ec::timed_out);
  CHECK(start->why.hint == "banger vm logs box");
  CHECK(look().state == vm_state::error);
  CHECK(plan.saw("clear handles"));
}

TEST_CASE_FIXTURE(vm_world, "vm: a hypervisor that does not start leaves an error that says so") {
  plan.launch = manner::badly;
  spawn_stopped();
  auto start = give(order_kind::start);
  CHECK(start->why.code == ec::hypervisor_failed);
  CHECK(start->why.op == "op1");
  auto now = look();
  CHECK(now.state == vm_state::error);
  CHECK(now.last_error.find("trouble") != std::string::npos);
  CHECK(now.last_error_stage == "booting");
}

TEST_CASE_FIXTURE(vm_world, "vm: a VM in error can be started again, and forgets the error") {
  plan.launch = manner::badly;
  spawn_stopped();
  (void)give(order_kind::start);
  plan.launch = manner::well;
  auto start = give(order_kind::start);
  REQUIRE(start->value);
  CHECK(start->value->state == vm_state::running);
  CHECK(start->value->last_error.empty());
}

TEST_CASE_FIXTURE(vm_world,
                  "vm: a wrong host key ends the start with its own code, not as a time-out") {
  plan.link = manner::badly;
  plan.trouble = {ec::host_key_mismatch, "verify", "possible man-in-the-middle", {}};
  spawn_stopped();
  auto start = give(order_kind::start);
  CHECK(start->why.code == ec::host_key_mismatch);
  CHECK(plan.saw("end machine"));
}

TEST_CASE_FIXTURE(vm_world, "vm: the client's cancel ends a start") {
  plan.ready = manner::never;
  spawn_stopped();
  auto start = give(order_kind::start, "op7");
  cancel_op("another");
  CHECK(start->is_silent());
  cancel_op("op7");
  CHECK(start->why.code == ec::cancelled);
  CHECK(look().state == vm_state::stopped);
}

TEST_CASE_FIXTURE(vm_world, "vm: stop uses the grace it is given, and the default otherwise") {
  spawn_stopped();
  (void)give(order_kind::start);
  (void)give(order_kind::stop, "op2", 1500);
  (void)give(order_kind::start);
  (void)give(order_kind::stop, "op3");
  CHECK(plan.graces == std::vector<std::uint32_t>{1500, 20'000});
}

TEST_CASE_FIXTURE(vm_world, "vm: what is wanted is on disk before the guest is ended") {
  spawn_stopped();
  (void)give(order_kind::start);
  plan.log.clear();
  (void)give(order_kind::stop);
  CHECK(plan.log == std::vector<std::string>{"save", "end machine", "clear handles", "save"});
  CHECK(plan.saved.wanted == wanted_state::stopped);
}

TEST_CASE_FIXTURE(vm_world, "vm: a kill cuts the grace of a stop short") {
  plan.end = manner::never;
  spawn_stopped();
  (void)give(order_kind::start);
  auto stop = give(order_kind::stop, "op2", 20'000);
  auto kill = give(order_kind::kill, "op3");
  CHECK(stop->is_silent());
  CHECK(plan.graces == std::vector<std::uint32_t>{20'000, 0});
}

TEST_CASE_FIXTURE(vm_world, "vm: a restart stops, then starts") {
  spawn_stopped();
  (void)give(order_kind::start);
  plan.log.clear();
  auto restart = give(order_kind::restart, "op2");
  REQUIRE(restart->value);
  CHECK(restart->value->state == vm_state::running);
  CHECK(plan.machines == 2);
}

TEST_CASE_FIXTURE(vm_world, "vm: a delete removes files, pins and row, and ends the actor") {
  spawn_stopped();
  (void)give(order_kind::start);
  plan.log.clear();
  auto gone = give(order_kind::remove, "op2");
  REQUIRE(gone->value);
  CHECK(plan.log == std::vector<std::string>{"save", "end machine", "clear handles", "remove files",
                                             "unpin", "forget"});
  auto after = ask<vm_info>(vm, get_vm{"box"});
  CHECK(after->why.code == ec::failed); // nobody is there any more
}

TEST_CASE_FIXTURE(vm_world, "vm: an order that waits behind a delete is told that the VM is gone") {
  plan.ready = manner::never;
  spawn_stopped();
  (void)give(order_kind::start);
  plan.end = manner::never;
  auto gone = give(order_kind::remove, "op2");
  auto late = give(order_kind::start, "op3");
  CHECK((late->why.code == ec::not_found || late->why.code == ec::busy));
}

TEST_CASE_FIXTURE(vm_world,
                  "vm: a create saves the row before it makes files, and pins before it is done") {
  spawn_vm(record("new", settled_state::creating));
  auto made = give(order_kind::create);
  REQUIRE(made->value);
  CHECK(made->value->state == vm_state::stopped);
  CHECK(made->value->address == "127.77.0.9");
  CHECK(plan.log == std::vector<std::string>{"save", "make files", "pin ssh-ed25519 AAAA", "save"});
}

TEST_CASE_FIXTURE(vm_world, "vm: a create that fails forgets all it made") {
  plan.files = manner::badly;
  plan.trouble = {ec::no_space, "make disks", "No space left on device", {}};
  spawn_vm(record("new", settled_state::creating));
  auto made = give(order_kind::create);
  CHECK(made->why.code == ec::no_space);
  CHECK(plan.log ==
        std::vector<std::string>{"save", "make files", "remove files", "unpin", "forget"});
}

TEST_CASE_FIXTURE(vm_world, "vm: a create from an image that is not there says so") {
  auto x = record("new", settled_state::creating);
  x.image = "nope";
  spawn_vm(x);
  auto made = give(order_kind::create);
  CHECK(made->why.code == ec::not_found);
}

TEST_CASE_FIXTURE(vm_world, "vm: a hypervisor that dies makes the VM stopped, with the reason") {
  spawn_stopped();
  (void)give(order_kind::start);
  caf::anon_send(vm, machine_ended{"the hypervisor was killed by signal 9", false});
  settle();
  auto now = look();
  CHECK(now.state == vm_state::stopped);
  CHECK(now.last_error == "the hypervisor was killed by signal 9");
  CHECK(plan.saw("clear handles"));
}

TEST_CASE_FIXTURE(vm_world, "vm: a waiter is answered when the state comes") {
  spawn_stopped();
  auto waiter = ask<vm_info>(vm, wait_vm{"box", vm_state::running, 0});
  CHECK(waiter->is_silent());
  (void)give(order_kind::start);
  REQUIRE(waiter->value);
  CHECK(waiter->value->state == vm_state::running);
}

TEST_CASE_FIXTURE(vm_world, "vm: a waiter for a VM in error is told the error") {
  plan.launch = manner::badly;
  spawn_stopped();
  auto waiter = ask<vm_info>(vm, wait_vm{"box", vm_state::running, 0});
  (void)give(order_kind::start);
  CHECK(waiter->why.code == ec::wrong_state);
}

TEST_CASE_FIXTURE(vm_world, "vm: a full disk does not keep a VM from being stopped") {
  spawn_stopped();
  (void)give(order_kind::start);
  plan.store = manner::badly;
  auto stop = give(order_kind::stop, "op2");
  REQUIRE(stop->value);
  CHECK(stop->value->state == vm_state::stopped);
}

TEST_CASE_FIXTURE(
    vm_world,
    "vm: a console log that grows too long is cut while the VM runs, a short one is left") {
  const temporary_folder folder;
  auto x = record("box", settled_state::stopped);
  x.directory = folder.path();
  spawn_vm(x);
  REQUIRE(give(order_kind::start)->value);
  plan.log.clear();
  pass(30s);
  CHECK_FALSE(plan.saw("cap console"));
  REQUIRE(host::write_file(folder / "console.log", std::string((5U << 20), 'x'), 0600));
  pass(30s);
  CHECK(plan.saw("cap console"));
}

TEST_CASE_FIXTURE(vm_world, "ssh target: only a running VM has one") {
  spawn_stopped();
  CHECK(ask<ssh_target>(vm, get_ssh_target{"box"})->why.code == ec::wrong_state);
  (void)give(order_kind::start);
  auto target = ask<ssh_target>(vm, get_ssh_target{"box"});
  REQUIRE(target->value);
  CHECK(target->value->host_key_alias == "box.vm");
  CHECK(target->value->address == "127.77.0.2");
}

// -- host keys
// -------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(vm_world,
                  "vm: a delete that a daemon's death cut short goes on with the next one") {
  auto x = record("box", settled_state::running);
  x.wanted = wanted_state::deleted;
  spawn_vm(x);
  settle();
  CHECK(plan.saw("remove files"));
  CHECK(plan.saw("unpin"));
  CHECK(plan.saw("forget"));
}
