#include "core/session_prune.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace banger;
using strings = std::vector<std::string>;

namespace {

constexpr std::int64_t now = 1'700'000'000'000;

session_info over(const std::string& vm, const std::string& id, std::int64_t age_ms) {
  session_info x;
  x.id = id;
  x.vm_name = vm;
  x.state = session_state::exited;
  x.created_at_ms = now - age_ms - 10;
  x.ended_at_ms = now - age_ms;
  return x;
}

strings pruned(const std::vector<session_info>& all, const core::prune_rule& rule) {
  strings ids;
  for (const auto& x : core::to_prune(all, rule, now))
    ids.push_back(x.id);
  return ids;
}

} // namespace

TEST_CASE("session prune: what is over goes, and nothing else") {
  std::vector<session_info> all;
  for (auto state : {session_state::starting, session_state::running, session_state::stopping,
                     session_state::exited, session_state::failed, session_state::lost}) {
    all.push_back(over("box", to_string(state), 5));
    all.back().state = state;
  }
  CHECK(pruned(all, {}) == strings{"exited", "failed", "lost"});
  CHECK(pruned({}, {}).empty());
}

TEST_CASE("session prune: one that somebody reads stays") {
  auto read = over("box", "read", 5);
  read.client_count = 1;
  CHECK(pruned({read, over("box", "other", 5)}, {}) == strings{"other"});
}

TEST_CASE("session prune: the newest of each VM are kept, by their end") {
  const std::vector all{over("a", "a1", 30), over("a", "a2", 10), over("a", "a3", 20),
                        over("b", "b1", 99)};
  CHECK(pruned(all, {1, 0}) == strings{"a1", "a3"});
  CHECK(pruned(all, {2, 0}) == strings{"a1"});
  CHECK(pruned(all, {3, 0}).empty());
  CHECK(pruned(all, {UINT32_MAX, 0}).empty());
}

TEST_CASE("session prune: one that is attached to counts among the newest") {
  auto read = over("a", "read", 1);
  read.client_count = 2;
  CHECK(pruned({read, over("a", "a1", 5)}, {1, 0}) == strings{"a1"});
}

TEST_CASE("session prune: age counts from the end") {
  const std::vector all{over("a", "young", 999), over("a", "old", 1000)};
  CHECK(pruned(all, {0, 1000}) == strings{"old"});
  CHECK(pruned(all, {1, 1000}) == strings{"old"});
  CHECK(pruned(all, {2, 1000}).empty());
}

TEST_CASE("session prune: where nobody knows the end, the creation counts") {
  auto lost = over("a", "lost", 0);
  lost.state = session_state::lost;
  lost.ended_at_ms = 0;
  lost.created_at_ms = now - 1000;
  CHECK(core::over_since_ms(lost) == now - 1000);
  CHECK(pruned({lost}, {0, 1000}) == strings{"lost"});
  CHECK(pruned({lost}, {0, 1001}).empty());
}

TEST_CASE("session prune: one that is listed twice goes once") {
  const auto x = over("a", "x", 5);
  CHECK(pruned({x, x}, {}) == strings{"x"});
}

TEST_CASE("session prune: an end in the future is no age") {
  CHECK(pruned({over("a", "x", -5000)}, {0, 1}).empty());
}
