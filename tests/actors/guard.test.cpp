// A service that throws: it answers, begins anew, and is given up where it goes on like that.
#include "actors/guard.hpp"

#include "tests/support/deterministic_system.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <stdexcept>

using namespace banger;
using namespace banger::test;

namespace {

using service_actor = caf::typed_actor<caf::replies_to<load_vm>::with<done>>;

struct service_state {
  static inline const char* name = "service";
  actors::crash_record crashes;
  int begun = 1;
  void begin_anew() { ++begun; }
};

using service_pointer = service_actor::stateful_pointer<service_state>;

caf::result<done> answer_or_throw(service_pointer, const load_vm& x) {
  if (x.id == "bad")
    throw std::runtime_error{"planned"};
  return done{};
}

service_actor::behavior_type service(service_pointer self) {
  return {actors::guarded<load_vm>(self, answer_or_throw)};
}

} // namespace

TEST_CASE_FIXTURE(deterministic_system, "guarded: a service that threw goes on, up to a limit") {
  auto whom = keep(system.spawn(service));
  for (std::size_t i = 0; i < actors::most_crashes; ++i) {
    auto failed = ask<done>(whom, load_vm{"bad"});
    CHECK(failed->why.code == ec::failed);
    CHECK(to_string(failed->why).find("planned") != std::string::npos);
    CHECK(ask<done>(whom, load_vm{"good"})->value);
  }
  CHECK(ask<done>(whom, load_vm{"bad"})->why.code == ec::failed);
  CHECK_FALSE(ask<done>(whom, load_vm{"good"})->value); // it has ended
}
