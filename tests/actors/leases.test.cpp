#include "actors/leases.hpp"

#include "tests/support/deterministic_system.hpp"

#include <set>

using namespace banger;
using namespace banger::test;

namespace {

struct leases_world : deterministic_system {
  leases_actor leases;
  std::set<std::string> in_use;     ///< by others on the host
  std::vector<std::string> granted; ///< who got a slot, in order

  /// An actor that asks for a slot and keeps it for as long as it lives.
  caf::actor hold(const std::string& name) {
    auto holder = keep(system.spawn([this, name](caf::event_based_actor* self) -> caf::behavior {
      self->request(leases, std::chrono::milliseconds{100'000'000}, acquire_start_slot{name})
          .then([this, name](const done&) { granted.push_back(name); }, [](caf::error&) {});
      return {[](int) {}};
    }));
    settle();
    return holder;
  }

  void end(const caf::actor& holder) {
    caf::anon_send_exit(holder, caf::exit_reason::kill);
    settle();
  }

  void spawn_leases(std::size_t starts) {
    leases = keep(system.spawn(actors::leases, starts, std::uint32_t{0},
                               [this](const std::string& x) { return !in_use.contains(x); }));
  }
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

TEST_CASE_FIXTURE(leases_world, "leases: a guest on the bridge gets an address there") {
  in_use.insert("10.77.0.2"); // the kernel says so when the tap is made, nobody else can
  spawn_leases(1);
  auto first = ask<address_lease>(leases, reserve_address{network_kind::tap});
  auto second = ask<address_lease>(leases, reserve_address{network_kind::tap});
  REQUIRE(first->value);
  REQUIRE(second->value);
  CHECK(first->value->address == "10.77.0.2");
  CHECK(second->value->address == "10.77.0.3");
  caf::anon_send(leases, address_freed{"10.77.0.2"});
}

TEST_CASE_FIXTURE(leases_world,
                  "leases: an address that somebody else on the host has is not given") {
  in_use.insert("127.77.0.2");
  spawn_leases(1);
  auto lease = ask<address_lease>(leases, reserve_address{});
  REQUIRE(lease->value);
  CHECK(lease->value->address == "127.77.0.3");
}

TEST_CASE_FIXTURE(leases_world,
                  "leases: no more start slots than allowed, first come first served") {
  spawn_leases(2);
  auto a = hold("a"), b = hold("b"), c = hold("c"), d = hold("d");
  CHECK(granted == std::vector<std::string>{"a", "b"});
  end(a);
  CHECK(granted == std::vector<std::string>{"a", "b", "c"});
}

TEST_CASE_FIXTURE(leases_world, "leases: one that ends while it waits does not get a slot") {
  spawn_leases(1);
  auto a = hold("a"), b = hold("b"), c = hold("c");
  end(b);
  end(a);
  CHECK(granted == std::vector<std::string>{"a", "c"});
}
