#include "core/vm_machine.hpp"

#include <doctest/doctest.h>

using namespace banger;
using core::verdict;

namespace {

constexpr auto run = verdict::run, fine = verdict::satisfied, later = verdict::queue,
               cut = verdict::cancel_then_queue, busy = verdict::busy, gone = verdict::gone;

constexpr vm_state states[] = {vm_state::creating, vm_state::stopped,  vm_state::starting,
                               vm_state::running,  vm_state::stopping, vm_state::error,
                               vm_state::deleting};

struct row {
  order_kind asked;
  verdict verdicts[std::size(states)];
};

constexpr row rows[] = {
    // clang-format off
    //                     creating stopped starting running stopping error deleting
    {order_kind::create,  {run,     busy,   busy,    busy,   busy,    busy, busy}},
    {order_kind::start,   {busy,    run,    busy,    fine,   busy,    run,  gone}},
    {order_kind::stop,    {later,   fine,   cut,     run,    later,   run,  gone}},
    {order_kind::restart, {busy,    run,    busy,    run,    busy,    run,  gone}},
    {order_kind::kill,    {cut,     fine,   cut,     run,    cut,     run,  gone}},
    {order_kind::remove,  {cut,     run,    cut,     run,    cut,     run,  gone}},
    {order_kind::build,   {busy,    busy,   busy,    busy,   busy,    busy, busy}},
    {order_kind::set,     {busy,    run,    busy,    run,    busy,    run,  gone}},
    // clang-format on
};

} // namespace

TEST_CASE("vm machine: every order in every state has the verdict of the table") {
  for (const auto& x : rows)
    for (std::size_t i = 0; i < std::size(states); ++i)
      CHECK_MESSAGE(core::judge(states[i], x.asked) == x.verdicts[i],
                    to_string(x.asked) << " while " << to_string(states[i]));
}

TEST_CASE("vm machine: stop, kill and delete are never refused as busy") {
  for (auto asked : {order_kind::stop, order_kind::kill, order_kind::remove})
    for (auto now : states) {
      const auto found = core::judge(now, asked);
      CHECK(found != busy);
      CHECK((found == gone) == (now == vm_state::deleting));
    }
}

TEST_CASE("vm machine: an operation shows in the state") {
  CHECK(core::state_during(order_kind::create, vm_state::stopped) == vm_state::creating);
  CHECK(core::state_during(order_kind::start, vm_state::stopped) == vm_state::starting);
  CHECK(core::state_during(order_kind::stop, vm_state::stopped) == vm_state::stopping);
  CHECK(core::state_during(order_kind::restart, vm_state::stopped) == vm_state::stopping);
  CHECK(core::state_during(order_kind::kill, vm_state::stopped) == vm_state::stopping);
  CHECK(core::state_during(order_kind::remove, vm_state::stopped) == vm_state::deleting);
  for (auto now : {vm_state::stopped, vm_state::running, vm_state::error})
    CHECK(core::state_during(order_kind::set, now) == now);
}

TEST_CASE("vm machine: what is asked while a set runs waits for its end") {
  for (auto asked : {order_kind::start, order_kind::stop, order_kind::restart, order_kind::kill,
                     order_kind::remove, order_kind::set})
    CHECK(core::judge_during_set(asked) == later);
  CHECK(core::judge_during_set(order_kind::create) == busy);
}
