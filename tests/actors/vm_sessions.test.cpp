// What a VM does for its sessions: names, ways to them, and those that fail.
#include "actors/guest_session.hpp"
#include "tests/support/scripted_port.hpp"
#include "tests/support/vm_world.hpp"

using namespace banger;
using namespace banger::test;
using namespace std::chrono_literals;
using strings = std::vector<std::string>;

namespace {

struct sessions_world : vm_world {
  struct made {
    actors::guest_session_spec spec;
    guest_session_actor actor;
    bool is_there = false; ///< it was told that its VM runs
    std::string vanished;  ///< why it does not
  };
  std::vector<std::shared_ptr<made>> sessions; ///< the oldest first
  int ports = 0;
  strings in_guest;           ///< what it keeps of sessions
  std::vector<strings> swept; ///< what was removed there, each time

  sessions_world();
  ~sessions_world() {
    for (auto& x : sessions) {
      x->actor = nullptr;
      x->spec = {};
    }
    context->make_session = nullptr;
    context->make_port = nullptr;
    context->make_sweep = nullptr;
  }

  void spawn_running() {
    spawn_stopped();
    REQUIRE(give(order_kind::start)->value);
  }
  std::shared_ptr<answer<session_info>> start(const std::string& name = {}) {
    start_session x{"box", {}};
    x.config.name = name;
    x.config.argv = {"/usr/bin/make", "all"};
    return ask<session_info>(vm, x);
  }
  std::shared_ptr<answer<session_info>> show(const std::string& ref) {
    return ask<session_info>(vm, get_session{ref});
  }
  void crash(const guest_session_actor& which) {
    caf::anon_send_exit(which, caf::exit_reason::unhandled_exception);
    settle();
  }
};

guest_session_actor::behavior_type scripted_session(guest_session_actor::pointer self,
                                                    std::shared_ptr<sessions_world::made> x) {
  auto info = [x] { return x->spec.record.info; };
  return {
      [self](const join_session&) -> caf::result<session_attached> {
        return session_attached{self->id(), {}, 0, 0};
      },
      [](const detach_session&) { return session_detached{}; },
      [](const attach_input&) {},
      [](const attach_input_ended&) {},
      [](const attach_credit&) {},
      [](const attach_resized&) {},
      [self, x](const launch_session&) {
        auto& mine = x->spec.record.info;
        mine.state = session_state::running;
        mine.vm_name = x->spec.vm_name;
        self->send(x->spec.owner, session_changed{x->spec.record.vm_id, mine, false});
        return mine;
      },
      [info](const wait_session&) { return info(); },
      [info](const stop_session&) { return info(); },
      [info](const signal_session&) { return info(); },
      [self, info](const delete_session&) {
        self->quit();
        return info();
      },
      [info](const list_attaches&) {
        return attach_list{info(), {}};
      },
      [](const describe_actor&) { return actor_account{}; },
      [x](const guest_appeared&, const guest_way_actor&) { x->is_there = true; },
      [x](const guest_vanished& y) {
        x->is_there = false;
        x->vanished = y.reason;
      },
      [](const ssh_note&) {},
      [](const ssh_data&) {},
      [](const step_due&) {},
  };
}

guest_sweep_actor::behavior_type scripted_sweep(guest_sweep_actor::pointer self,
                                                sessions_world* world) {
  return {
      [](const ssh_note&) {},
      [](const ssh_data&) {},
      [world](const list_guest_sessions&) { return guest_session_ids{world->in_guest}; },
      [self, world](const remove_guest_sessions& x) {
        world->swept.push_back(x.ids);
        self->quit();
        return done{};
      },
      [](const step_due&) {},
  };
}

sessions_world::sessions_world() {
  context->make_session = [this](const actors::guest_session_spec& spec) {
    auto x = sessions.emplace_back(std::make_shared<made>());
    x->spec = spec;
    x->actor = keep(system.spawn(scripted_session, x));
    return x->actor;
  };
  context->make_port = [this](const vm_record&, const guest_link_actor&) {
    ++ports;
    return keep(system.spawn(scripted_port));
  };
  context->make_sweep = [this](const guest_way_actor&) {
    return keep(system.spawn(scripted_sweep, this));
  };
}

session_record record_of(const std::string& id, const std::string& name, session_state state) {
  session_record x;
  x.vm_id = "0123456789ab";
  x.info.id = id;
  x.info.config.name = name;
  x.info.config.argv = {"make"};
  x.info.state = state;
  return x;
}

vm_past past_of(std::vector<session_record> sessions) {
  vm_past x;
  x.sessions = std::move(sessions);
  return x;
}

} // namespace

TEST_CASE_FIXTURE(sessions_world, "vm sessions: a start names what is not named, and launches it") {
  spawn_running();
  auto first = start();
  auto second = start();
  REQUIRE(first->value);
  REQUIRE(second->value);
  CHECK(first->value->state == session_state::running);
  CHECK(first->value->vm_name == "box");
  CHECK(first->value->config.name == "make-1");
  CHECK(second->value->config.name == "make-2");
  CHECK(first->value->id.size() == 12);
  CHECK(first->value->id != second->value->id);
  REQUIRE(sessions.size() == 2);
  CHECK(sessions[0]->spec.is_new);
  CHECK(sessions[0]->is_there);
  CHECK(sessions[0]->spec.record.vm_id == "0123456789ab");
}

TEST_CASE_FIXTURE(sessions_world, "vm sessions: a name is taken once, until it is deleted") {
  spawn_running();
  REQUIRE(start("ci")->value);
  auto again = start("ci");
  CHECK(again->why.code == ec::already_exists);
  CHECK(again->why.hint.find("box/ci") != std::string::npos);
  CHECK(sessions.size() == 1);
  CHECK(ask<session_info>(vm, delete_session{"box/ci", false})->value);
  CHECK(show("box/ci")->why.code == ec::not_found);
  CHECK(start("ci")->value);
}

TEST_CASE_FIXTURE(sessions_world, "vm sessions: a VM that does not run starts none") {
  spawn_stopped();
  CHECK(start()->why.code == ec::wrong_state);
  CHECK(sessions.empty());
}

TEST_CASE_FIXTURE(sessions_world, "vm sessions: what cannot be a session is not made") {
  spawn_running();
  CHECK(start("no spaces, please")->why.code == ec::bad_request);
  CHECK(ask<session_info>(vm, start_session{"box", {}})->why.code == ec::bad_request); // no command
  CHECK(sessions.empty());
}

TEST_CASE_FIXTURE(sessions_world, "vm sessions: requests find it by name, id and start of an id") {
  auto one = record_of("aaaa00000001", "ci", session_state::exited);
  auto two = record_of("aaaab0000002", "web", session_state::exited);
  spawn_vm(record("box", settled_state::stopped), past_of({one, two}));
  for (const auto* ref : {"box/web", "box/aaaab0000002", "box/aaaab"}) {
    CHECK(show(ref)->value->id == two.info.id);
    CHECK(ask<session_info>(vm, wait_session{ref, 0})->value->id == two.info.id);
    CHECK(ask<session_info>(vm, stop_session{ref, 0})->value->id == two.info.id);
    CHECK(ask<session_info>(vm, signal_session{ref, 1})->value->id == two.info.id);
    CHECK(ask<attach_list>(vm, list_attaches{ref})->value->session.id == two.info.id);
    CHECK(ask<attach_host_actor>(vm, find_session{ref})->value == sessions[1]->actor);
  }
  CHECK(show("box/nope")->why.code == ec::not_found);
  CHECK(show("box/aaaa")->why.code == ec::bad_request); // which of them?
  CHECK(show("box")->why.code == ec::bad_request);
  CHECK(ask<attach_host_actor>(vm, find_session{"box/nope"})->why.code == ec::not_found);
}

TEST_CASE_FIXTURE(sessions_world,
                  "vm sessions: those of a daemon before us are adopted, and hear of "
                  "the guest") {
  spawn_vm(record("box", settled_state::stopped),
           past_of({record_of("aa0000000001", "ci", session_state::running)}));
  REQUIRE(sessions.size() == 1);
  CHECK_FALSE(sessions[0]->spec.is_new);
  CHECK(sessions[0]->spec.vm_name == "box");
  CHECK_FALSE(sessions[0]->is_there);
  CHECK(swept.empty());
  in_guest = {"aa0000000001", "ffffffffffff"};
  REQUIRE(give(order_kind::start)->value);
  CHECK(sessions[0]->is_there);
  CHECK(ports == 1);
  CHECK(swept == std::vector<strings>{{"ffffffffffff"}}); // deleted while the guest was away
  REQUIRE(give(order_kind::stop, "op2")->value);
  CHECK_FALSE(sessions[0]->is_there);
  CHECK(sessions[0]->vanished == "the VM was stopped");
  REQUIRE(give(order_kind::start, "op3")->value);
  CHECK(sessions[0]->is_there);
  CHECK(ports == 2);
}

TEST_CASE_FIXTURE(sessions_world, "vm sessions: what a session says of itself is what is shown") {
  spawn_running();
  REQUIRE(start("ci")->value);
  auto info = sessions[0]->spec.record.info;
  info.state = session_state::exited;
  info.exit_code = 3;
  caf::anon_send(vm, session_changed{"0123456789ab", info, false});
  settle();
  CHECK(show("box/ci")->value->exit_code == 3);
  info.id = "ffffffffffff"; // one that was just deleted
  caf::anon_send(vm, session_changed{"0123456789ab", info, false});
  settle();
  CHECK(show("box/ffff")->why.code == ec::not_found);
}

TEST_CASE_FIXTURE(sessions_world,
                  "vm sessions: one that fails begins anew, and too often is enough") {
  spawn_running();
  REQUIRE(start("ci")->value);
  const auto id = sessions[0]->spec.record.info.id;
  for (std::size_t i = 0; i < actors::most_crashes; ++i) {
    crash(sessions.back()->actor);
    REQUIRE(sessions.size() == i + 2);
    const auto& anew = *sessions.back();
    CHECK(anew.spec.record.info.id == id);
    CHECK(anew.spec.record.info.state == session_state::running);
    CHECK_FALSE(anew.spec.is_new); // its command runs: it is not to be started again
    CHECK_FALSE(anew.spec.record.is_settled);
    CHECK(anew.is_there);
    CHECK(ask<session_info>(vm, stop_session{"box/ci", 0})->value);
  }
  crash(sessions.back()->actor);
  CHECK(sessions.size() == actors::most_crashes + 1);
  auto stop = ask<session_info>(vm, stop_session{"box/ci", 0});
  CHECK(stop->why.code == ec::wrong_state);
  CHECK(stop->why.why.find("too often") != std::string::npos);
  CHECK(show("box/ci")->value->error.find("too often") != std::string::npos); // still to be seen
  CHECK(start("ci")->why.code == ec::already_exists);
  CHECK(start("other")->value); // the VM and its other sessions go on
  REQUIRE(give(order_kind::stop, "op2")->value);
  CHECK(look().state == vm_state::stopped);
}

TEST_CASE_FIXTURE(sessions_world,
                  "vm sessions: the oldest that are over make room, others do not") {
  std::vector<session_record> records;
  for (int i = 0; i < 103; ++i) {
    auto id = std::to_string(100'000'000'000 + i);
    records.push_back(record_of(id, "s" + std::to_string(i), session_state::exited));
    records.back().info.ended_at_ms = host::unix_ms() - 1000 + i;
  }
  records[0].info.state = session_state::lost;
  records[1].info.state = session_state::running;
  spawn_vm(record("box", settled_state::stopped), past_of(records));
  REQUIRE(give(order_kind::start)->value);
  REQUIRE(start("new")->value);
  CHECK(show("box/s0")->why.code == ec::not_found);
  CHECK(show("box/s1")->value); // runs
  CHECK(show("box/s2")->why.code == ec::not_found);
  CHECK(show("box/s3")->value);
  CHECK(show("box/s102")->value);
}
