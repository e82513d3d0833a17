// The store actor on a real database; the scheduler is the test's, so a test decides what is asked
// for before the next commit.
#include "actors/store.hpp"

#include "storage/event_log.hpp"
#include "storage/vm_records.hpp"
#include "tests/support/deterministic_system.hpp"
#include "tests/support/temporary_folder.hpp"

#include <filesystem>

using namespace banger;
using namespace banger::test;

namespace {

struct store_world : deterministic_system {
  temporary_folder folder;
  std::string path = folder / "banger.db";
  store_actor store;

  store_world() {
    auto opened = storage::database::open(path);
    REQUIRE(opened);
    store = keep(system.spawn(actors::store, std::move(*opened)));
    settle();
  }

  static save_vm change(const std::string& id, const std::string& name) {
    save_vm x;
    x.record.id = id;
    x.record.name = name;
    x.record.address = "address of " + id;
    x.transitions = {{1, vm_state::stopped, vm_state::starting, "start", "booting", "no reason"}};
    return x;
  }

  /// Asks without running anything; the answer comes with settle().
  template <class Request>
  auto ask_later(const Request& what) {
    auto x = std::make_shared<answer<done>>();
    keep(system.spawn([=, this](caf::event_based_actor* asker) {
      asker->request(store, std::chrono::milliseconds{3'600'000}, what)
          .then([x](const done&) { x->value = done{}; },
                [x](caf::error& why) { x->why = to_failure(why); });
    }));
    return x;
  }

  std::vector<vm_record> on_disk() const {
    auto db = storage::database::open(path);
    REQUIRE(db);
    auto all = storage::load_vms(**db);
    REQUIRE(all);
    return *all;
  }
};

} // namespace

TEST_CASE_FIXTURE(store_world, "store: an answer means that it is on disk") {
  auto saved = ask<done>(store, change("a", "box"));
  REQUIRE(saved->value);
  CHECK(on_disk().size() == 1);
  REQUIRE(ask<done>(store, forget_vm{"a"})->value);
  CHECK(on_disk().empty());
}

TEST_CASE_FIXTURE(store_world, "store: of changes that go together one can be refused alone") {
  auto first = ask_later(change("a", "box"));
  auto second = ask_later(change("b", "box")); // the name is taken
  auto third = ask_later(change("c", "other"));
  settle();
  CHECK(first->value);
  CHECK(second->why.code == ec::already_exists);
  CHECK(third->value);
  CHECK(on_disk().size() == 2);
}

TEST_CASE_FIXTURE(store_world, "store: where all of a commit is rolled back nobody is told it was "
                               "written, and the next one is") {
  {
    auto db = storage::database::open(path); // stands in for a disk that is full: SQLite gives up
    REQUIRE(db);
    REQUIRE((*db)->execute("CREATE TRIGGER full BEFORE INSERT ON vms WHEN NEW.name = 'large' "
                           "BEGIN SELECT RAISE(ROLLBACK, 'no room'); END"));
  }
  auto first = ask_later(change("a", "box"));
  auto second = ask_later(change("b", "large"));
  auto third = ask_later(change("c", "other"));
  settle();
  for (const auto& each : {first, second, third}) {
    CHECK_FALSE(each->value);
    CHECK(each->why.code == ec::storage_failed);
  }
  CHECK(on_disk().empty());
  CHECK(ask<done>(store, change("a", "box"))->value);
  CHECK(on_disk().size() == 1);
}

TEST_CASE_FIXTURE(store_world, "store: what was asked for before its end is written") {
  auto saved = ask_later(change("a", "box"));
  settle();
  auto last = ask_later(change("b", "other"));
  caf::anon_send_exit(store, caf::exit_reason::user_shutdown);
  settle();
  CHECK(last->value); // the exit overtook it in the mailbox
  CHECK(on_disk().size() == 2);
}

TEST_CASE_FIXTURE(store_world,
                  "store: what was asked for behind a commit is written too at the end") {
  caf::anon_send(store, change("a", "box"));
  REQUIRE(scheduler.try_run_once()); // a commit is in the mailbox now
  caf::anon_send(store, change("b", "other"));
  caf::anon_send_exit(store, caf::exit_reason::user_shutdown);
  settle();
  CHECK(on_disk().size() == 2);
}

TEST_CASE_FIXTURE(store_world,
                  "store: a file that was removed is put back, with all that was in it") {
  REQUIRE(ask<done>(store, change("a", "box"))->value);
  for (const auto* suffix : {"", "-wal", "-shm"})
    std::filesystem::remove(path + suffix);
  REQUIRE(ask<done>(store, change("b", "other"))->value);
  CHECK(on_disk().size() == 2);
  CHECK(std::filesystem::status(path).permissions() ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE_FIXTURE(store_world, "store: a file that somebody put in its place is left alone") {
  REQUIRE(ask<done>(store, change("a", "box"))->value);
  std::filesystem::rename(path, path + ".theirs");
  std::filesystem::copy_file(path + ".theirs", path);
  auto saved = ask<done>(store, change("b", "other"));
  CHECK(saved->why.code == ec::storage_failed);
  CHECK(saved->why.why.find("another file") != std::string::npos);
}

TEST_CASE_FIXTURE(store_world, "store: the newest transitions of a VM are kept, in order") {
  for (std::uint32_t i = 0; i < vm_transition_limit + 5; ++i) {
    auto x = change("a", "box");
    x.transitions[0].at_ms = i;
    REQUIRE(ask<done>(store, x)->value);
  }
  auto past = ask<vm_transitions>(store, load_transitions{"a"});
  REQUIRE(past->value);
  REQUIRE(past->value->all.size() == vm_transition_limit);
  CHECK(past->value->all.front().at_ms == 5);
  CHECK(past->value->all.back().at_ms == vm_transition_limit + 4);
  CHECK(past->value->all.back().to == vm_state::starting);
  CHECK(past->value->all.back().cause == "no reason");
  REQUIRE(ask<done>(store, forget_vm{"a"})->value);
  CHECK(ask<vm_transitions>(store, load_transitions{"a"})->value->all.empty());
}

namespace {

struct event_world : store_world {
  std::vector<event_happened> told;

  event_world() {
    auto listener = keep(system.spawn([this](event_listener_actor::pointer) {
      return event_listener_actor::behavior_type{[this](const events_saved& x) {
        told.insert(told.end(), x.events.begin(), x.events.end());
      }};
    }));
    caf::anon_send(store, report_events{}, listener);
    settle();
  }

  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> all;
    for (const auto& x : told)
      all.push_back(std::to_string(x.sequence) + " " + x.kind + " " + x.subject + " " + x.detail);
    return all;
  }
};

using lines_of = std::vector<std::string>;

} // namespace

TEST_CASE_FIXTURE(event_world, "store: what a record shows is told, once it is on disk") {
  REQUIRE(ask<done>(store, change("a", "box"))->value);
  CHECK(lines() == lines_of{"1 vm.state box starting"});
  REQUIRE(ask<done>(store, change("a", "box"))->value); // the same again, as after a failed save
  CHECK(told.size() == 1);
  auto broken = change("a", "box");
  broken.transitions = {{2, vm_state::starting, vm_state::error, "start", "booting", "no luck"}};
  broken.record.error = "no luck";
  broken.record.error_at_ms = 2;
  REQUIRE(ask<done>(store, broken)->value);
  REQUIRE(ask<done>(store, forget_vm{"a"})->value);
  REQUIRE(ask<done>(store, forget_vm{"a"})->value); // gone already
  CHECK(lines() == lines_of{"1 vm.state box starting", "2 vm.state box error",
                            "3 vm.error box no luck", "4 vm.deleted box "});
  CHECK(ask<event_page>(store, load_events{1, 2})->value->events ==
        std::vector<event_happened>{told[1], told[2]});
  CHECK(ask<event_page>(store, load_events{4, 2})->value->newest == 4);
}

TEST_CASE_FIXTURE(event_world, "store: sessions and notes are told in one order with the rest") {
  REQUIRE(ask<done>(store, change("a", "box"))->value);
  save_session x;
  x.record.vm_id = "a";
  x.record.info.id = "s";
  x.record.info.config.name = "make";
  x.record.info.config.argv = {"make"};
  REQUIRE(ask<done>(store, x)->value);
  caf::anon_send(store, publish_event{"session.attached", "box/make", "reader"});
  settle();
  REQUIRE(ask<done>(store, x)->value); // nothing has changed
  x.record.info.state = session_state::exited;
  REQUIRE(ask<done>(store, x)->value);
  REQUIRE(ask<done>(store, forget_session{"s"})->value);
  CHECK(lines() == lines_of{"1 vm.state box starting", "2 session.state box/make starting",
                            "3 session.attached box/make reader", "4 session.state box/make exited",
                            "5 session.deleted box/make "});
}

TEST_CASE_FIXTURE(event_world, "store: what was refused or rolled back has not happened") {
  auto first = ask_later(change("a", "box"));
  auto second = ask_later(change("b", "box")); // the name is taken
  settle();
  REQUIRE(first->value);
  CHECK(second->why.code == ec::already_exists);
  CHECK(lines() == lines_of{"1 vm.state box starting"});
  REQUIRE(ask<done>(store, change("c", "other"))->value);
  CHECK(told.back().sequence == 2); // without a gap
}

TEST_CASE_FIXTURE(event_world, "store: numbers go on where another run left them") {
  REQUIRE(ask<done>(store, change("a", "box"))->value);
  REQUIRE(ask<done>(store, forget_vm{"a"})->value);
  {
    auto db = storage::database::open(path);
    REQUIRE(db);
    REQUIRE((*db)->execute("DELETE FROM events"));
    event_happened x{0, 1, "kind", "subject", {}};
    REQUIRE(storage::add_event(**db, x));
    CHECK(x.sequence == 3);
    CHECK(storage::load_newest_events(**db, 10)->events.size() == 1);
    CHECK(storage::host_id(**db)->size() == 12);
  }
}

TEST_CASE_FIXTURE(event_world, "store: only so many events are kept") {
  auto db = storage::database::open(path);
  REQUIRE(db);
  REQUIRE((*db)->execute("INSERT INTO events VALUES (" + std::to_string(event_limit) +
                         ", 1, 'old', '', ''), (1, 1, 'older', '', '')"));
  event_happened x{0, 1, "new", {}, {}};
  REQUIRE(storage::add_event(**db, x));
  const auto kept = storage::load_events_after(**db, 0, 10);
  REQUIRE(kept);
  CHECK(kept->newest == event_limit + 1);
  REQUIRE(kept->events.size() == 2);
  CHECK(kept->events.front().kind == "old");
}
