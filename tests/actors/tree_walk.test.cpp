#include "actors/tree_walk.hpp"

#include "tests/support/deterministic_system.hpp"

#include <caf/typed_event_based_actor.hpp>

using namespace banger;
using namespace banger::test;
using namespace std::chrono_literals;

namespace {

struct tree_world : deterministic_system {
  described_actor leaf(const std::string& state) {
    return keep(system.spawn([state](described_actor::pointer) {
      return described_actor::behavior_type{[state](const describe_actor&) {
        return actor_account{state, 3, 1, "it broke", {}};
      }};
    }));
  }

  described_actor silent() {
    return keep(system.spawn([](described_actor::pointer self) {
      return described_actor::behavior_type{[self](const describe_actor&) {
        return self->make_response_promise<actor_account>(); // dropped
      }};
    }));
  }

  described_actor parent(std::vector<actor_child> children) {
    return keep(system.spawn([children](described_actor::pointer) {
      return described_actor::behavior_type{[children](const describe_actor&) {
        return actor_account{"holds", 0, 0, {}, children};
      }};
    }));
  }

  auto walk(const std::vector<actor_child>& roots) {
    auto walker = keep(system.spawn(actors::tree_walk, roots, std::chrono::milliseconds{1'000}));
    return ask<actor_tree>(walker, get_actor_tree{});
  }
};

} // namespace

TEST_CASE_FIXTURE(tree_world, "tree_walk: shows each actor before its children") {
  auto tree = walk({{"top", parent({{"one", leaf("a"), 0, {}}, {"two", leaf("b"), 5, {}}}), 0, {}},
                    {"last", leaf("c"), 0, {}}});
  REQUIRE(tree->value);
  const auto& all = tree->value->actors;
  REQUIRE(all.size() == 4);
  CHECK(all[0].name == "top");
  CHECK(all[1].name == "one");
  CHECK(all[1].depth == 1);
  CHECK(all[1].state == "a");
  CHECK(all[1].mailbox == 3);
  CHECK(all[1].restarts == 1);
  CHECK(all[1].last_error == "it broke");
  CHECK(all[2].restarts == 5);
  CHECK(all[3].name == "last");
  CHECK(all[3].depth == 0);
}

TEST_CASE_FIXTURE(tree_world, "tree_walk: one that is silent does not keep the others") {
  auto tree = walk({{"mute", silent(), 0, {}}, {"other", leaf("a"), 0, {}}});
  CHECK(tree->is_silent());
  pass(1'001ms);
  REQUIRE(tree->value);
  CHECK(tree->value->actors[0].state == "no answer");
  CHECK(tree->value->actors[1].state == "a");
}

TEST_CASE_FIXTURE(tree_world, "tree_walk: one that ended, and one that was given up") {
  auto gone = leaf("a");
  caf::anon_send_exit(gone, caf::exit_reason::kill);
  settle();
  auto tree = walk({{"gone", gone, 0, {}}, {"none", {}, 4, "it failed"}});
  REQUIRE(tree->value);
  CHECK(tree->value->actors[0].state == "ended");
  CHECK(tree->value->actors[1].state == "given up");
  CHECK(tree->value->actors[1].restarts == 4);
  CHECK(tree->value->actors[1].last_error == "it failed");
}
