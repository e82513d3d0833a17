#include "actors/vm.hpp"

#include "host/files.hpp"
#include "tests/support/scripted_parts.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace banger;
using namespace banger::test;
using namespace std::chrono_literals;

namespace {

struct vm_world : scripted_world {
  vm_actor vm;

  void spawn_vm(const vm_record& record, const vm_past& past = {}) {
    std::shared_ptr<const actors::vm_context> shared = context;
    vm = keep(system.spawn(actors::vm, record, past, shared, supervisor_actor{}));
    settle();
  }

  void spawn_stopped() { spawn_vm(record("box", settled_state::stopped)); }

  auto give(order_kind kind, const std::string& op = "op1", std::uint32_t grace_ms = 0) {
    order what;
    what.op = op;
    what.kind = kind;
    what.subject = kind == order_kind::create ? "127.77.0.9" : "box";
    what.grace_ms = grace_ms;
    return ask<vm_info>(vm, what, progress_actor{});
  }

  vm_info look() {
    auto x = ask<vm_info>(vm, get_vm{"box"});
    REQUIRE(x->value);
    return *x->value;
  }

  void cancel_op(const std::string& op) {
    caf::anon_send(vm, cancel{op, "box"});
    settle();
  }
};

} // namespace

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

TEST_CASE_FIXTURE(vm_world, "recovery: a process that survived is taken over") {
  auto x = record("box", settled_state::running);
  x.wanted = wanted_state::running;
  spawn_vm(x, {"handles", true, 77, "tcg", 1000});
  auto now = look();
  CHECK(now.state == vm_state::running);
  CHECK(now.pid == 77);
  CHECK(plan.log.empty());
}

TEST_CASE_FIXTURE(vm_world, "recovery: a half-started VM is rolled back") {
  auto x = record("box", settled_state::stopped);
  x.wanted = wanted_state::running;
  spawn_vm(x, {"handles", true, 77, "tcg", 1000});
  CHECK(look().state == vm_state::stopped);
  CHECK(plan.saw("end machine"));
  CHECK(plan.saw("clear handles"));
}

TEST_CASE_FIXTURE(vm_world,
                  "recovery: a process that is gone makes the VM stopped, with a reason") {
  auto x = record("box", settled_state::running);
  x.wanted = wanted_state::running;
  spawn_vm(x, {"handles", false, 0, {}, 0});
  auto now = look();
  CHECK(now.state == vm_state::stopped);
  CHECK_FALSE(now.last_error.empty());
  CHECK(plan.saw("clear handles"));
}

TEST_CASE_FIXTURE(vm_world, "recovery: a VM that was being made is removed") {
  auto x = record("box", settled_state::creating);
  x.image_build = "b1";
  x.address = "127.77.0.2";
  spawn_vm(x);
  CHECK(plan.log == std::vector<std::string>{"remove files", "unpin", "forget"});
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

namespace {

struct quarantine_world : vm_world {
  const failure changed{ec::host_key_mismatch, "verify vm 'box'", "another key", "look"};
  std::string offered_blob = std::string{"\0\0\0\x0bssh-ed25519", 15} + "k";

  void offer_another_key() {
    spawn_stopped();
    REQUIRE(give(order_kind::start)->value);
    caf::anon_send(vm, host_key_refused{changed, "ssh-ed25519", offered_blob});
    settle();
  }

  void is_let_through() {
    CHECK_FALSE(look().is_quarantined);
    CHECK(ask<ssh_target>(vm, get_ssh_target{"box"})->value);
    CHECK(ask<guest_link_actor>(vm, get_guest_link{"box"})->value);
  }
};

} // namespace

TEST_CASE_FIXTURE(quarantine_world,
                  "vm: whose host key changed lets nobody through, and can be ended") {
  offer_another_key();
  CHECK(look().is_quarantined);
  CHECK(look().last_error == "verify vm 'box': another key");
  CHECK(plan.saved.error_stage == "verifying its host key");
  auto target = ask<ssh_target>(vm, get_ssh_target{"box"});
  CHECK(target->why == changed);
  CHECK(ask<guest_link_actor>(vm, get_guest_link{"box"})->why == changed);
  CHECK(ask<done>(vm, check_guest_key{"box"})->why == changed);
  CHECK(give(order_kind::stop)->value);
  CHECK(give(order_kind::remove)->value);
}

TEST_CASE_FIXTURE(quarantine_world,
                  "vm: the key it offered can be accepted, and only by its fingerprint") {
  offer_another_key();
  auto shown = ask<host_key_info>(vm, get_host_key{"box"});
  REQUIRE(shown->value);
  CHECK(shown->value->fingerprint == "SHA256:pinned");
  CHECK(shown->value->is_quarantined);
  const auto offered = shown->value->offered_fingerprint;
  CHECK(offered.starts_with("SHA256:"));
  auto wrong = ask<host_key_info>(vm, accept_host_key{"box", "SHA256:other"});
  CHECK(wrong->why.code == ec::bad_request);
  CHECK(look().is_quarantined);
  auto accepted = ask<host_key_info>(vm, accept_host_key{"box", offered});
  REQUIRE(accepted->value);
  CHECK(accepted->value->fingerprint == offered);
  CHECK(accepted->value->provenance == key_provenance::accepted);
  CHECK(plan.saw("pin ssh-ed25519 " + accepted->value->key));
  CHECK(look().last_error.empty());
  is_let_through();
}

TEST_CASE_FIXTURE(quarantine_world,
                  "vm: the pinned key can be kept instead, and nothing is pinned anew") {
  offer_another_key();
  const auto before = plan.log.size();
  REQUIRE(ask<host_key_info>(vm, accept_host_key{"box", "SHA256:pinned"})->value);
  for (auto i = before; i < plan.log.size(); ++i)
    CHECK_FALSE(plan.log[i].starts_with("pin "));
  is_let_through();
}

TEST_CASE_FIXTURE(quarantine_world, "vm: a revoked key is never accepted") {
  spawn_stopped();
  REQUIRE(give(order_kind::start)->value);
  failure revoked{ec::host_key_revoked, "verify vm 'box'", "revoked", ""};
  caf::anon_send(vm, host_key_refused{revoked, "ssh-ed25519", offered_blob});
  settle();
  auto answer = ask<host_key_info>(vm, accept_host_key{"box", ""});
  CHECK(answer->why.code == ec::wrong_state);
}

TEST_CASE_FIXTURE(quarantine_world, "vm: without another key there is nothing to accept") {
  spawn_stopped();
  auto answer = ask<host_key_info>(vm, accept_host_key{"box", ""});
  CHECK(answer->why.code == ec::wrong_state);
}

TEST_CASE_FIXTURE(quarantine_world,
                  "vm: forgetting a key unpins it and ends the quarantine; so does a new boot") {
  offer_another_key();
  auto forgotten = ask<host_key_info>(vm, forget_host_key{"box"});
  REQUIRE(forgotten->value);
  CHECK(forgotten->value->fingerprint == "SHA256:pinned");
  CHECK(plan.saw("unpin"));
  is_let_through();
  caf::anon_send(vm, host_key_refused{changed, "ssh-ed25519", offered_blob});
  settle();
  REQUIRE(give(order_kind::restart)->value);
  is_let_through();
}

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
