#include "core/record_events.hpp"

#include <doctest/doctest.h>

using namespace banger;
using namespace banger::core;

namespace {

vm_record box(const std::string& error = {}, std::int64_t error_at_ms = 0) {
  vm_record x;
  x.name = "box";
  x.error = error;
  x.error_at_ms = error_at_ms;
  return x;
}

} // namespace

TEST_CASE("record_events: each transition of a VM is one, and a new error") {
  const auto all =
      events_of_vm(box("it broke", 7),
                   {{5, vm_state::stopped, vm_state::starting, "start", {}, {}},
                    {6, vm_state::starting, vm_state::error, "start", "booting", "it broke"}},
                   0);
  CHECK(all == std::vector<event_happened>{{0, 5, "vm.state", "box", "starting"},
                                           {0, 6, "vm.state", "box", "error"},
                                           {0, 7, "vm.error", "box", "it broke"}});
}

TEST_CASE("record_events: a VM that was found as it was left tells nothing") {
  CHECK(events_of_vm(box(), {{5, vm_state::running, vm_state::running, "recover", {}, {}}}, 0)
            .empty());
}

TEST_CASE("record_events: an error that was told, or is gone, is none") {
  CHECK(events_of_vm(box("it broke", 7), {}, 7).empty());
  CHECK(events_of_vm(box(), {}, 7).empty());
}

TEST_CASE("record_events: a session tells of its states") {
  session_info x;
  x.state = session_state::failed;
  x.error = "no such command";
  const auto event = event_of_session("box/make", x, session_state::starting, 9);
  REQUIRE(event);
  CHECK(*event == event_happened{0, 9, "session.state", "box/make", "failed: no such command"});
  CHECK(event_of_session("box/make", x, {}, 9));
  CHECK_FALSE(event_of_session("box/make", x, session_state::failed, 9));
}
