// A VM whose host key is refused: quarantine and its ends.
#include "tests/support/vm_world.hpp"

using namespace banger;
using namespace banger::test;

namespace {

struct quarantine_world : vm_world {
  const failure changed{ec::host_key_mismatch, "verify vm 'box'", "another key", "look"};
  std::string offered_blob = std::string{"\0\0\0\x0bssh-ed25519", 15} + "k";

  void offer_another_key() {
    spawn_stopped();
    REQUIRE(give(order_kind::start)->value);
    caf::anon_send(vm, host_key_refused{changed, "ssh-ed25519", offered_blob});
    settle();
  }

  void is_let_through() {
    CHECK_FALSE(look().is_quarantined);
    CHECK(ask<ssh_target>(vm, get_ssh_target{"box"})->value);
    CHECK(ask<guest_way_actor>(vm, get_guest_way{"box"})->value);
  }
};

} // namespace

TEST_CASE_FIXTURE(quarantine_world,
                  "vm: whose host key changed lets nobody through, and can be ended") {
  offer_another_key();
  CHECK(look().is_quarantined);
  CHECK(look().last_error == "verify vm 'box': another key");
  CHECK(plan.saved.error_stage == "verifying its host key");
  auto target = ask<ssh_target>(vm, get_ssh_target{"box"});
  CHECK(target->why == changed);
  CHECK(ask<guest_way_actor>(vm, get_guest_way{"box"})->why == changed);
  CHECK(ask<done>(vm, check_guest_key{"box"})->why == changed);
  CHECK(give(order_kind::stop)->value);
  CHECK(give(order_kind::remove)->value);
}

TEST_CASE_FIXTURE(quarantine_world,
                  "vm: the key it offered can be accepted, and only by its fingerprint") {
  offer_another_key();
  auto shown = ask<host_key_info>(vm, get_host_key{"box"});
  REQUIRE(shown->value);
  CHECK(shown->value->fingerprint == "SHA256:pinned");
  CHECK(shown->value->is_quarantined);
  const auto offered = shown->value->offered_fingerprint;
  CHECK(offered.starts_with("SHA256:"));
  auto wrong = ask<host_key_info>(vm, accept_host_key{"box", "SHA256:other"});
  CHECK(wrong->why.code == ec::bad_request);
  CHECK(look().is_quarantined);
  auto accepted = ask<host_key_info>(vm, accept_host_key{"box", offered});
  REQUIRE(accepted->value);
  CHECK(accepted->value->fingerprint == offered);
  CHECK(accepted->value->provenance == key_provenance::accepted);
  CHECK(plan.saw("pin ssh-ed25519 " + accepted->value->key));
  CHECK(look().last_error.empty());
  is_let_through();
}

TEST_CASE_FIXTURE(quarantine_world,
                  "vm: the pinned key can be kept instead, and nothing is pinned anew") {
  offer_another_key();
  const auto before = plan.log.size();
  REQUIRE(ask<host_key_info>(vm, accept_host_key{"box", "SHA256:pinned"})->value);
  for (auto i = before; i < plan.log.size(); ++i)
    CHECK_FALSE(plan.log[i].starts_with("pin "));
  is_let_through();
}

TEST_CASE_FIXTURE(quarantine_world, "vm: a revoked key is never accepted") {
  spawn_stopped();
  REQUIRE(give(order_kind::start)->value);
  failure revoked{ec::host_key_revoked, "verify vm 'box'", "revoked", ""};
  caf::anon_send(vm, host_key_refused{revoked, "ssh-ed25519", offered_blob});
  settle();
  auto answer = ask<host_key_info>(vm, accept_host_key{"box", ""});
  CHECK(answer->why.code == ec::wrong_state);
}

TEST_CASE_FIXTURE(quarantine_world, "vm: without another key there is nothing to accept") {
  spawn_stopped();
  auto answer = ask<host_key_info>(vm, accept_host_key{"box", ""});
  CHECK(answer->why.code == ec::wrong_state);
}

TEST_CASE_FIXTURE(quarantine_world,
                  "vm: forgetting a key unpins it and ends the quarantine; so does a new boot") {
  offer_another_key();
  auto forgotten = ask<host_key_info>(vm, forget_host_key{"box"});
  REQUIRE(forgotten->value);
  CHECK(forgotten->value->fingerprint == "SHA256:pinned");
  CHECK(plan.saw("unpin"));
  is_let_through();
  caf::anon_send(vm, host_key_refused{changed, "ssh-ed25519", offered_blob});
  settle();
  REQUIRE(give(order_kind::restart)->value);
  is_let_through();
}
