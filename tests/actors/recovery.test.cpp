// What a VM's actor does when it begins, what of it is told and kept, and what the supervisor waits
// for.
#include "actors/events.hpp"
#include "actors/supervisor.hpp"
#include "tests/support/vm_world.hpp"

using namespace banger;
using namespace banger::test;

namespace {

struct recovery_world : vm_world {
  vm_past alive{"handles", true, {}, false, 77, "tcg", 1000, {}};
  vm_past gone{"handles", false, {}, false, 0, {}, 0, {}};

  vm_record left(settled_state settled, wanted_state wanted) const {
    auto x = record("box", settled);
    x.wanted = wanted;
    return x;
  }

  /// The one that is on disk last.
  const vm_transition& last() const {
    REQUIRE_FALSE(plan.transitions.empty());
    return plan.transitions.back();
  }
};

} // namespace

TEST_CASE_FIXTURE(recovery_world, "recovery: a process that survived is taken over") {
  spawn_vm(left(settled_state::running, wanted_state::running), alive);
  auto now = look();
  CHECK(now.state == vm_state::running);
  CHECK(now.pid == 77);
  CHECK(plan.log == std::vector<std::string>{"save"});
  CHECK(last().from == vm_state::running);
  CHECK(last().to == vm_state::running);
  CHECK(last().operation == "recover");
  CHECK(last().cause == "adopted process 77");
}

TEST_CASE_FIXTURE(recovery_world, "recovery: a half-started VM is rolled back") {
  spawn_vm(left(settled_state::stopped, wanted_state::running), alive);
  CHECK(look().state == vm_state::stopped);
  CHECK(plan.saw("end machine"));
  CHECK(plan.saw("clear handles"));
  REQUIRE(plan.transitions.size() == 2);
  CHECK(plan.transitions[0].from == vm_state::starting);
  CHECK(plan.transitions[0].cause == "the daemon ended while it was starting");
  CHECK(last().to == vm_state::stopped);
}

TEST_CASE_FIXTURE(recovery_world, "recovery: a start that got no process is settled, once") {
  spawn_vm(left(settled_state::stopped, wanted_state::running));
  CHECK(look().state == vm_state::stopped);
  CHECK(look().last_error == "the daemon ended while it was starting");
  CHECK(plan.saved.wanted == wanted_state::stopped);
  plan.log.clear();
  spawn_vm(plan.saved);
  CHECK(plan.log.empty());
}

TEST_CASE_FIXTURE(recovery_world, "recovery: a half-stopped VM is stopped") {
  spawn_vm(left(settled_state::running, wanted_state::stopped), alive);
  CHECK(look().state == vm_state::stopped);
  CHECK(plan.graces == std::vector<std::uint32_t>{0});
  CHECK(last().from == vm_state::stopping);
}

TEST_CASE_FIXTURE(recovery_world,
                  "recovery: a process that is gone makes the VM stopped, with a reason") {
  auto past = gone;
  past.finding = "the host was started anew";
  spawn_vm(left(settled_state::running, wanted_state::running), past);
  CHECK(look().state == vm_state::stopped);
  CHECK(look().last_error == "it ended while the daemon was away: the host was started anew");
  CHECK(plan.saw("clear handles"));
  CHECK(last().cause == look().last_error);
}

TEST_CASE_FIXTURE(recovery_world, "recovery: stale handles of a stopped VM are cleared") {
  spawn_vm(left(settled_state::stopped, wanted_state::stopped), gone);
  CHECK(look().state == vm_state::stopped);
  CHECK(plan.saw("clear handles"));
}

TEST_CASE_FIXTURE(recovery_world, "recovery: a VM at rest is left alone") {
  spawn_vm(left(settled_state::stopped, wanted_state::stopped));
  CHECK(plan.log.empty());
  CHECK(look().operation.empty());
}

TEST_CASE_FIXTURE(recovery_world, "recovery: a VM that was being made is removed") {
  auto x = left(settled_state::creating, wanted_state::stopped);
  x.image_build = "b1";
  x.address = "127.77.0.2";
  spawn_vm(x);
  CHECK(plan.log == std::vector<std::string>{"remove files", "unpin", "forget"});
}

TEST_CASE_FIXTURE(recovery_world, "recovery: a VM that was being deleted is gone afterwards") {
  spawn_vm(left(settled_state::running, wanted_state::deleted), alive);
  CHECK(plan.saw("end machine"));
  CHECK(plan.log.back() == "forget");
}

TEST_CASE_FIXTURE(recovery_world, "recovery: an ephemeral VM goes with the daemon, not the actor") {
  auto x = left(settled_state::running, wanted_state::running);
  x.is_ephemeral = true;
  auto past = alive;
  past.is_restart = true;
  spawn_vm(x, past);
  CHECK(look().state == vm_state::running);
  spawn_vm(x, alive);
  CHECK(plan.log.back() == "forget");
}

TEST_CASE_FIXTURE(recovery_world, "recovery: a damaged record that runs is left to the user") {
  auto x = left(settled_state::running, wanted_state::running);
  x.memory_mib = 0;
  spawn_vm(x, alive);
  CHECK(look().state == vm_state::error);
  CHECK(look().pid == 77);
  CHECK(look().last_error.find("its record is damaged") != std::string::npos);
  CHECK(plan.log.empty());
  REQUIRE(give(order_kind::stop)->value);
  CHECK(plan.saw("end machine"));
}

TEST_CASE_FIXTURE(recovery_world, "vm: an order before the create's own is told what runs") {
  auto x = record("box", settled_state::creating);
  x.host_key_public.clear();
  spawn_vm(x);
  auto start = give(order_kind::start);
  CHECK(start->why.code == ec::busy);
  CHECK(start->why.why.find("'create'") != std::string::npos);
}

TEST_CASE_FIXTURE(recovery_world, "vm: a delete that cannot be noted takes no file away") {
  spawn_stopped();
  plan.store = manner::badly;
  CHECK_FALSE(give(order_kind::remove)->value);
  CHECK_FALSE(plan.saw("remove files"));
  plan.store = manner::well;
  CHECK(give(order_kind::remove)->value);
}

TEST_CASE_FIXTURE(recovery_world, "vm: a full disk does not keep a VM from being deleted") {
  spawn_stopped();
  plan.store = manner::badly;
  plan.trouble.code = ec::no_space;
  (void)give(order_kind::remove);
  CHECK(plan.saw("remove files"));
}

TEST_CASE_FIXTURE(recovery_world, "vm: a record that was not saved is saved when it can be") {
  spawn_stopped();
  plan.store_fails_at = 2; // the second save of a start says that it runs
  REQUIRE(give(order_kind::start)->value);
  CHECK(plan.saved.settled == settled_state::stopped);
  pass(std::chrono::seconds{31});
  CHECK(plan.saved.settled == settled_state::running);
}

TEST_CASE_FIXTURE(recovery_world, "vm: its changes are kept with operation, stage and cause") {
  plan.launch = manner::badly;
  spawn_stopped();
  (void)give(order_kind::start);
  REQUIRE(plan.transitions.size() == 2);
  CHECK(plan.transitions[0].to == vm_state::starting);
  CHECK(plan.transitions[0].operation == "start");
  CHECK(plan.transitions[0].cause.empty());
  CHECK(last().from == vm_state::starting);
  CHECK(last().to == vm_state::error);
  CHECK(last().operation == "start");
  CHECK(last().stage == "booting");
  CHECK(last().cause.find("trouble") != std::string::npos);
}

TEST_CASE_FIXTURE(recovery_world, "vm: a guest that ends by itself was asked by nobody") {
  spawn_stopped();
  (void)give(order_kind::start);
  caf::anon_send(vm, machine_ended{"the guest shut down", false});
  settle();
  CHECK(last().to == vm_state::stopped);
  CHECK(last().operation.empty());
  CHECK(last().cause == "the guest shut down");
}

TEST_CASE_FIXTURE(recovery_world, "vm: changes that a full disk did not take come with the next") {
  spawn_stopped();
  (void)give(order_kind::start);
  plan.transitions.clear();
  plan.store = manner::badly; // the script notes what it is given all the same
  (void)give(order_kind::stop);
  plan.store = manner::well;
  plan.transitions.clear();
  (void)give(order_kind::start);
  REQUIRE(plan.transitions.size() >= 3);
  CHECK(plan.transitions[0].from == vm_state::running);
  CHECK(plan.transitions[0].to == vm_state::stopping);
}

TEST_CASE_FIXTURE(recovery_world, "vm: a start first ends what an earlier ending could not") {
  spawn_stopped();
  (void)give(order_kind::start);
  plan.end = manner::badly;
  CHECK_FALSE(give(order_kind::stop)->value);
  CHECK(look().state == vm_state::error);
  CHECK_FALSE(give(order_kind::start)->value); // still there: two on one disk must not be
  CHECK(plan.machines == 1);
  plan.end = manner::well;
  REQUIRE(give(order_kind::start)->value);
  CHECK(plan.machines == 2);
}

TEST_CASE_FIXTURE(recovery_world, "vm: a damaged record is not started") {
  auto x = left(settled_state::stopped, wanted_state::stopped);
  x.memory_mib = 0;
  spawn_vm(x);
  auto start = give(order_kind::start);
  CHECK(start->why.code == ec::storage_failed);
  CHECK(start->why.why.find("its record is damaged") != std::string::npos);
  CHECK_FALSE(plan.saw("launch"));
  CHECK(give(order_kind::remove)->value);
}

namespace {

struct reconcile_world : recovery_world {
  std::vector<std::string> told;
  events_actor events = keep(system.spawn(actors::events, context->store, event_page{}));
  supervisor_actor supervisor;

  void spawn_supervisor(std::vector<actors::known_vm> known) {
    auto listener = keep(system.spawn([this](event_sink_actor::pointer) {
      return event_sink_actor::behavior_type{[this](const event_happened& x) {
                                               told.push_back(x.kind + " " + x.subject + " " +
                                                              x.detail);
                                             },
                                             [](const events_missed&) {}};
    }));
    caf::anon_send(events, subscribe_events{events_from::now, 0, 1000}, listener);
    settle();
    std::shared_ptr<const actors::vm_context> shared = context;
    supervisor = keep(system.spawn(actors::supervisor, shared, events, std::string{"/nowhere"},
                                   std::move(known), std::uint32_t{2}));
    settle();
  }

  actors::known_vm known(const std::string& name, const std::string& id, settled_state settled,
                         wanted_state wanted, const vm_past& past) const {
    auto x = left(settled, wanted);
    x.name = name;
    x.id = id;
    return {x, past};
  }

  bool has_told(const std::string& text) const {
    return std::find(told.begin(), told.end(), text) != told.end();
  }

  ~reconcile_world() {
    caf::anon_send_exit(supervisor, caf::exit_reason::user_shutdown); // takes its VMs along
    settle();
  }
};

} // namespace

TEST_CASE_FIXTURE(reconcile_world, "supervisor: reports what it found, when all are at rest") {
  using enum settled_state;
  spawn_supervisor({known("a", "00000000000a", running, wanted_state::running, alive),
                    known("b", "00000000000b", running, wanted_state::running, gone),
                    known("c", "00000000000c", stopped, wanted_state::stopped, {}),
                    known("d", "00000000000d", running, wanted_state::deleted, gone)});
  auto report = ask<reconcile_report>(supervisor, await_reconciled{});
  REQUIRE(report->value);
  CHECK(report->value->adopted == 1);
  CHECK(report->value->settled == 1);
  CHECK(report->value->rolled_back == 1);
  CHECK(report->value->failed == 0);
  CHECK(report->value->cleared == 2);
  CHECK(report->value->pending == 0);
  CHECK(has_told("vm.recovered a adopted: adopted process 77"));
  CHECK(has_told("vm.recovered b settled: it ended while the daemon was away"));
  CHECK(has_told("vm.recovered d rolled back: it was to be deleted"));
  CHECK(ask<vm_list>(supervisor, list_vms{})->value->vms.size() == 3);
}

TEST_CASE_FIXTURE(reconcile_world, "supervisor: waits for a VM that is not at rest") {
  plan.end = manner::never;
  spawn_supervisor(
      {known("a", "00000000000a", settled_state::stopped, wanted_state::running, alive)});
  auto report = ask<reconcile_report>(supervisor, await_reconciled{});
  CHECK(report->is_silent());
  CHECK(ask<vm_list>(supervisor, list_vms{})->value->vms[0].operation == "recover");
  CHECK(ask<vm_counts>(supervisor, count_vms{})->value->reconciled.pending == 1);
  pass(context->deadlines.end_margin + std::chrono::seconds{1});
  REQUIRE(report->value);
  CHECK(report->value->failed == 1);
}

TEST_CASE_FIXTURE(reconcile_world, "supervisor: tells what has become of a VM") {
  spawn_supervisor(
      {known("a", "00000000000a", settled_state::running, wanted_state::running, gone)});
  auto past = ask<vm_history>(supervisor, get_vm_history{"a"});
  REQUIRE(past->value);
  CHECK(past->value->vm.name == "a");
  CHECK(past->value->transitions == plan.transitions);
  CHECK(ask<vm_history>(supervisor, get_vm_history{"b"})->why.code == ec::not_found);
}

TEST_CASE_FIXTURE(reconcile_world, "supervisor: a machine that fails takes only its VM's actor") {
  std::vector<machine_actor> machines;
  context->make_machine = [&](const vm_actor&) {
    machines.push_back(keep(system.spawn(scripted_machine, &plan)));
    return machines.back();
  };
  spawn_supervisor({known("a", "00000000000a", settled_state::stopped, wanted_state::stopped, {}),
                    known("b", "00000000000b", settled_state::stopped, wanted_state::stopped, {})});
  order start;
  start.op = "op";
  start.kind = order_kind::start;
  start.subject = "a";
  REQUIRE(ask<vm_info>(supervisor, start, progress_actor{})->value);
  plan.past = alive;
  caf::anon_send_exit(machines[0], caf::exit_reason::kill);
  settle();
  auto all = ask<vm_list>(supervisor, list_vms{})->value->vms;
  REQUIRE(all.size() == 2);
  CHECK(all[0].state == vm_state::running); // its process was adopted by the next actor
  CHECK(all[0].pid == 77);
  CHECK(plan.looked_at ==
        "/nowhere/00000000000a"); // where the state folder is, not what a row says
  CHECK(has_told("vm.restarted a "));
}
