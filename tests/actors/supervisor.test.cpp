#include "actors/supervisor.hpp"

#include "actors/events.hpp"
#include "tests/support/scripted_parts.hpp"

#include <stdexcept>

using namespace banger;
using namespace banger::test;

namespace {

struct supervisor_world : scripted_world {
  events_actor events = keep(system.spawn(actors::events, context->store, event_page{}));
  supervisor_actor supervisor;

  void spawn_supervisor(std::vector<actors::known_vm> known = {}) {
    std::shared_ptr<const actors::vm_context> shared = context;
    supervisor = keep(system.spawn(actors::supervisor, shared, events, std::string{"/nowhere"},
                                   std::move(known), std::uint32_t{0}));
    settle();
  }

  ~supervisor_world() {
    caf::anon_send_exit(supervisor, caf::exit_reason::user_shutdown); // takes its VMs along
    settle();
  }

  auto create(const std::string& name) {
    order what;
    what.op = "op-" + name;
    what.kind = order_kind::create;
    what.config.name = name;
    return ask<vm_info>(supervisor, what, progress_actor{});
  }

  auto give(order_kind kind, const std::string& ref) {
    order what;
    what.op = "op-" + ref;
    what.kind = kind;
    what.subject = ref;
    return ask<vm_info>(supervisor, what, progress_actor{});
  }
};

} // namespace

TEST_CASE_FIXTURE(supervisor_world, "supervisor: of creates with one name, one wins") {
  spawn_supervisor();
  auto first = create("box");
  auto second = create("box");
  REQUIRE(first->value);
  CHECK(second->why.code == ec::already_exists);
  auto all = ask<vm_list>(supervisor, list_vms{});
  CHECK(all->value->vms.size() == 1);
}

TEST_CASE_FIXTURE(supervisor_world,
                  "supervisor: a name is taken while its create is still running") {
  plan.files = manner::never;
  spawn_supervisor();
  auto first = create("box");
  CHECK(first->is_silent());
  CHECK(create("box")->why.code == ec::already_exists);
}

TEST_CASE_FIXTURE(supervisor_world, "supervisor: a VM without a name gets one, and defaults") {
  spawn_supervisor();
  auto made = create("");
  REQUIRE(made->value);
  CHECK_FALSE(made->value->name.empty());
  CHECK(made->value->vcpu_count == 1);
  CHECK(made->value->memory_mib == 512);
  CHECK(made->value->image == "debian");
}

TEST_CASE_FIXTURE(supervisor_world, "supervisor: a bad name or size never becomes a VM") {
  spawn_supervisor();
  CHECK(create("Box")->why.code == ec::bad_request);
  CHECK(create("-x")->why.code == ec::bad_request);
  order huge;
  huge.kind = order_kind::create;
  huge.config.name = "huge";
  huge.config.vcpu_count = 1000;
  CHECK(ask<vm_info>(supervisor, huge, progress_actor{})->why.code == ec::bad_request);
  CHECK(ask<vm_list>(supervisor, list_vms{})->value->vms.empty());
}

TEST_CASE_FIXTURE(supervisor_world, "supervisor: refs are names, ids, or the start of one id") {
  spawn_supervisor();
  auto made = create("box");
  REQUIRE(made->value);
  CHECK(ask<vm_info>(supervisor, get_vm{"box"})->value);
  CHECK(ask<vm_info>(supervisor, get_vm{made->value->id})->value);
  CHECK(ask<vm_info>(supervisor, get_vm{made->value->id.substr(0, 6)})->value);
  CHECK(ask<vm_info>(supervisor, get_vm{"bo"})->why.code == ec::not_found);
}

TEST_CASE_FIXTURE(supervisor_world,
                  "supervisor: a deleted VM is gone from the list, and its name is free") {
  spawn_supervisor();
  (void)create("box");
  REQUIRE(give(order_kind::remove, "box")->value);
  CHECK(ask<vm_list>(supervisor, list_vms{})->value->vms.empty());
  CHECK(create("box")->value);
}

TEST_CASE_FIXTURE(supervisor_world, "supervisor: a create that fails leaves no VM") {
  plan.files = manner::badly;
  spawn_supervisor();
  CHECK(create("box")->why.code == ec::hypervisor_failed);
  CHECK(ask<vm_list>(supervisor, list_vms{})->value->vms.empty());
}

TEST_CASE_FIXTURE(supervisor_world,
                  "supervisor: VMs of the database are listed at once, and their addresses kept") {
  spawn_supervisor({{record("old", settled_state::stopped), {}}});
  auto all = ask<vm_list>(supervisor, list_vms{});
  REQUIRE(all->value->vms.size() == 1);
  CHECK(all->value->vms[0].name == "old");
  auto made = create("new");
  REQUIRE(made->value);
  CHECK(made->value->address == "127.77.0.3"); // .2 is old's
}

TEST_CASE_FIXTURE(supervisor_world,
                  "supervisor: a guest is found by its whole name, while it runs") {
  spawn_supervisor();
  auto made = create("box");
  REQUIRE(made->value);
  auto find = [this](const std::string& name) {
    auto found = ask<guest_found>(supervisor, find_guest{name});
    REQUIRE(found->value);
    return found->value->address;
  };
  CHECK(find("box").empty());
  REQUIRE(give(order_kind::start, "box")->value);
  CHECK(find("box") == made->value->address);
  CHECK(find("bo").empty());
  CHECK(find(made->value->id).empty());
  REQUIRE(give(order_kind::stop, "box")->value);
  CHECK(find("box").empty());
}

TEST_CASE_FIXTURE(supervisor_world,
                  "supervisor: counts what runs, and knows which images are in use") {
  spawn_supervisor();
  (void)create("a");
  (void)create("b");
  REQUIRE(give(order_kind::start, "a")->value);
  auto counts = ask<vm_counts>(supervisor, count_vms{});
  CHECK(counts->value->all == 2);
  CHECK(counts->value->running == 1);
  CHECK(ask<used_images>(supervisor, get_used_images{})->value->builds.size() == 2);
}

namespace {

struct crash_world : supervisor_world {
  std::function<machine_actor(const vm_actor&)> good_machine = context->make_machine;

  crash_world() {
    spawn_supervisor();
    (void)create("box");
  }

  /// A start that throws in the midst of a handler.
  auto crash() {
    context->make_machine = [](const vm_actor&) -> machine_actor {
      throw std::runtime_error{"planned"};
    };
    auto answer = give(order_kind::start, "box");
    context->make_machine = good_machine;
    return answer;
  }

  vm_info look() {
    auto all = ask<vm_list>(supervisor, list_vms{});
    REQUIRE(all->value);
    REQUIRE(all->value->vms.size() == 1);
    return all->value->vms.front();
  }
};

} // namespace

TEST_CASE_FIXTURE(crash_world, "supervisor: a VM whose actor fails is restarted from its record") {
  auto answer = crash();
  CHECK(answer->why.code == ec::failed);
  CHECK(plan.saw("load"));
  CHECK(plan.saw("look at past"));
  CHECK(look().state == vm_state::stopped);
  auto started = give(order_kind::start, "box");
  REQUIRE(started->value);
  CHECK(started->value->state == vm_state::running);
}

TEST_CASE_FIXTURE(crash_world,
                  "supervisor: one that fails again and again is given up, and only it") {
  (void)create("other");
  for (int i = 0; i < 4; ++i)
    (void)crash();
  const auto all = ask<vm_list>(supervisor, list_vms{})->value->vms;
  REQUIRE(all.size() == 2);
  CHECK(all[0].state == vm_state::error);
  CHECK(all[0].last_error.find("planned") != std::string::npos);
  const auto refused = give(order_kind::start, "box");
  CHECK(refused->why.code == ec::wrong_state);
  CHECK_FALSE(refused->why.hint.empty());
  CHECK(give(order_kind::start, "other")->value);
}

TEST_CASE_FIXTURE(crash_world,
                  "supervisor: a restart that fails leaves the VM in error, with the reason") {
  plan.store = manner::badly;
  (void)crash();
  CHECK(look().state == vm_state::error);
  CHECK(look().last_error.find("trouble") != std::string::npos);
}
