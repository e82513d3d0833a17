#include "actors/owners.hpp"

#include "protocol/caf_error.hpp"
#include "tests/support/scripted_parts.hpp"

using namespace banger;
using namespace banger::test;

namespace {

/// A supervisor that has two VMs of an owner and one of nobody, and counts who is killed.
struct owners_world : scripted_world {
  static constexpr std::uint64_t first_stamp = 1'000'000'000;
  std::int64_t now_ms = 1'000;
  std::vector<vm_info> vms;
  std::vector<std::string> killed;
  bool is_busy = false; ///< kills are refused
  supervisor_actor supervisor;
  events_actor events;
  owners_actor owners;

  owners_world() {
    vms = {vm("a", "fleet"), vm("b", "fleet"), vm("c", "")};
    auto lists = keep(system.spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const list_vms&) { return vm_list{vms}; },
              [this](const order& what, const progress_actor&) -> caf::result<vm_info> {
                killed.push_back(what.subject);
                if (is_busy)
                  return to_error({ec::busy, "kill", "another operation runs on it", {}});
                for (auto& x : vms)
                  if (x.id == what.subject)
                    x.state = vm_state::stopped;
                return vm_info{};
              },
              [](const publish_event&) {}};
    }));
    supervisor = caf::actor_cast<supervisor_actor>(lists);
    events = caf::actor_cast<events_actor>(lists);
  }

  static vm_info vm(const std::string& name, const std::string& owner) {
    vm_info x;
    x.id = x.name = name;
    x.owner = owner;
    x.state = vm_state::running;
    return x;
  }

  void begin(const std::vector<owner_record>& saved) {
    owners = keep(system.spawn(
        actors::owners,
        actors::owners_context{context->store, supervisor, events, [this] { return now_ms; }},
        core::owner_table{"boot", first_stamp, saved}));
    settle();
    pass_ms(0);
  }

  void pass_ms(std::int64_t ms) {
    now_ms += ms;
    pass(std::chrono::milliseconds{ms + 1});
  }

  auto renew(std::uint64_t token, std::uint32_t ttl_ms = 10'000, std::uint64_t stamp = 0) {
    return ask<owner_lease>(owners, renew_owner{"fleet", token, ttl_ms, stamp});
  }
};

using names = std::vector<std::string>;

} // namespace

TEST_CASE_FIXTURE(owners_world, "owners: VMs live as long as their lease, and nobody else's end") {
  begin({{"fleet", 7, 10'000, "boot", 5'000}});
  auto lease = renew(7);
  REQUIRE(lease->value);
  CHECK(lease->value->vms == names{"a", "b"});
  pass_ms(9'000);
  CHECK(killed.empty());
  REQUIRE(renew(7)->value);
  pass_ms(9'000);
  CHECK(killed.empty());
  pass_ms(1'000);
  CHECK(killed == names{"a", "b"});
}

TEST_CASE_FIXTURE(owners_world, "owners: a daemon that comes back too late ends them at once") {
  begin({{"fleet", 7, 10'000, "boot", 500}});
  CHECK(killed == names{"a", "b"});
}

TEST_CASE_FIXTURE(owners_world, "owners: what is started without a lease is ended as well") {
  begin({});
  CHECK(killed == names{"a", "b"});
  killed.clear();
  vms[0].state = vm_state::running;
  pass_ms(2'000);
  CHECK(killed == names{"a"});
}

TEST_CASE_FIXTURE(owners_world, "owners: an old token is refused, a new one takes over") {
  begin({{"fleet", 7, 10'000, "boot", 5'000}});
  CHECK(renew(6)->why.code == ec::wrong_state);
  REQUIRE(renew(8)->value);
  CHECK(renew(7)->why.code == ec::wrong_state);
  CHECK(ask<done>(owners, check_owner{"fleet", true, true, 8})->value);
  CHECK(ask<done>(owners, check_owner{"fleet", true, true, 7})->why.code == ec::wrong_state);
  pass_ms(9'000);
  CHECK(killed.empty());
}

TEST_CASE_FIXTURE(owners_world, "owners: however late a renewal comes, the lease ends in time") {
  begin({});
  killed.clear();
  const auto none = renew(7, 10'000, no_stamp_yet);
  REQUIRE(none->value);
  CHECK(none->value->left_ms == 0);
  const auto stamp = none->value->stamp;
  pass_ms(6'000); // on its way
  const auto late = renew(7, 10'000, stamp);
  REQUIRE(late->value);
  CHECK(late->value->left_ms == 4'000);
  vms[0].state = vm_state::running;
  pass_ms(3'900);
  CHECK(killed.empty());
  pass_ms(200);
  CHECK(killed == names{"a"});
  CHECK(renew(7, 10'000, stamp)->value->left_ms == 0); // too old by now
  CHECK(ask<done>(owners, check_owner{"fleet", true, true, 7})->why.code == ec::wrong_state);
  CHECK(ask<done>(owners, check_owner{"fleet", false, true, 7})->value);
}

TEST_CASE_FIXTURE(owners_world, "owners: what could not be ended is tried again, whoever renews") {
  is_busy = true;
  begin({{"fleet", 7, 10'000, "boot", 500}});
  CHECK(killed == names{"a", "b"});
  killed.clear();
  is_busy = false;
  for (int i = 0; i < 4; ++i) {
    REQUIRE(ask<owner_lease>(owners, renew_owner{"others", 1, 60'000})->value);
    REQUIRE(ask<owner_lease>(owners, renew_owner{"nobody", 1, 60'000, no_stamp_yet})->value);
    pass_ms(900);
  }
  CHECK(killed == names{"a", "b"});
}
