#include "actors/leases.hpp"

#include "tests/support/deterministic_system.hpp"

using namespace banger;
using namespace banger::test;

namespace {

struct leases_world : deterministic_system {
  leases_actor leases;
  void spawn_leases(std::size_t starts) { leases = keep(system.spawn(actors::leases, starts)); }
};

} // namespace

TEST_CASE_FIXTURE(leases_world, "leases: each address is given once, and again when it is free") {
  spawn_leases(1);
  auto first = ask<address_lease>(leases, reserve_address{});
  auto second = ask<address_lease>(leases, reserve_address{});
  REQUIRE(first->value);
  REQUIRE(second->value);
  CHECK(first->value->address == "127.77.0.2");
  CHECK(second->value->address == "127.77.0.3");
}

TEST_CASE_FIXTURE(leases_world, "leases: an address that is taken at the start is not given") {
  spawn_leases(1);
  caf::anon_send(leases, address_taken{"127.77.0.2"});
  auto lease = ask<address_lease>(leases, reserve_address{});
  REQUIRE(lease->value);
  CHECK(lease->value->address == "127.77.0.3");
}

TEST_CASE_FIXTURE(leases_world,
                  "leases: no more start slots than allowed, first come first served") {
  spawn_leases(2);
  auto a = ask<done>(leases, acquire_start_slot{"a"});
  auto b = ask<done>(leases, acquire_start_slot{"b"});
  auto c = ask<done>(leases, acquire_start_slot{"c"});
  CHECK(a->value);
  CHECK(b->value);
  CHECK(c->is_silent());
}

TEST_CASE_FIXTURE(leases_world, "leases: a slot comes back when its holder ends") {
  spawn_leases(1);
  auto holder = keep(system.spawn([this](caf::event_based_actor* x) -> caf::behavior {
    x->request(leases, std::chrono::seconds{1}, acquire_start_slot{"a"})
        .then([](const done&) {}, [](caf::error&) {});
    return {[](int) {}};
  }));
  settle();
  auto next = ask<done>(leases, acquire_start_slot{"b"});
  CHECK(next->is_silent());
  caf::anon_send_exit(holder, caf::exit_reason::kill);
  settle();
  CHECK(next->value);
}
