#include "actors/guest_sweep.hpp"

#include "tests/support/deterministic_system.hpp"
#include "tests/support/scripted_port.hpp"

using namespace banger;
using namespace banger::test;

TEST_CASE_FIXTURE(deterministic_system,
                  "guest sweep: it ends with who asked for it, also before it has begun") {
  bool has_ended = false;
  const guest_way_actor port = keep(system.spawn(scripted_port));
  const auto sweep = keep(system.spawn(actors::guest_sweep, port, nullptr));
  keep(system.spawn([&](caf::event_based_actor* self) -> caf::behavior {
    self->set_down_handler([&](const caf::down_msg&) { has_ended = true; });
    self->monitor(sweep);
    return {[](const done&) {}};
  }));
  const auto asker = system.spawn([sweep](caf::event_based_actor* self) {
    self->request(sweep, std::chrono::seconds{60}, list_guest_sessions{})
        .then([](const guest_session_ids&) {}, [](const caf::error&) {});
  });
  settle();
  CHECK_FALSE(has_ended);
  caf::anon_send_exit(asker, caf::exit_reason::user_shutdown);
  settle(); // no time has passed
  CHECK(has_ended);
}
