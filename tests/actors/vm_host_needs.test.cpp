#include "tests/support/vm_world.hpp"

using namespace banger;
using namespace banger::test;
using namespace std::chrono_literals;

namespace {

struct host_needs_world : vm_world {
  void spawn_with(network_kind network, root_disk_kind root_disk) {
    context->helper_socket = "/run/helper";
    auto x = record("box", settled_state::stopped);
    x.network = network;
    x.has_nat = true;
    x.root_disk = root_disk;
    if (network == network_kind::tap)
      x.address = "10.77.0.2";
    spawn_vm(x);
  }
};

} // namespace

TEST_CASE_FIXTURE(host_needs_world, "vm: a launch says what is needed of banger-helper") {
  spawn_with(network_kind::tap, root_disk_kind::snapshot);
  REQUIRE(give(order_kind::start)->value);
  CHECK(plan.launched.needs.network == network_kind::tap);
  CHECK(plan.launched.needs.has_nat);
  CHECK(plan.launched.needs.root_disk == root_disk_kind::snapshot);
  CHECK(plan.launched.needs.root_image == "/root");
  CHECK(plan.launched.needs.helper_socket == "/run/helper");
  CHECK(plan.boot_files.bridged_address == "10.77.0.2");
}

TEST_CASE_FIXTURE(host_needs_world, "vm: one that needs nothing is not told of a helper") {
  spawn_with(network_kind::user, root_disk_kind::overlay);
  REQUIRE(give(order_kind::start)->value);
  CHECK(plan.launched.needs.helper_socket.empty());
  CHECK(plan.boot_files.bridged_address.empty());
}

TEST_CASE_FIXTURE(host_needs_world,
                  "vm: a root disk that fills up is told once, and again when worse") {
  spawn_with(network_kind::user, root_disk_kind::snapshot);
  REQUIRE(give(order_kind::start)->value);
  pass(30s);
  CHECK(plan.saw("look at root disk"));
  CHECK(look().last_error.empty());
  plan.disk_health.warning = "nearly full";
  pass(30s);
  CHECK(look().last_error.starts_with("nearly full: copy what you need"));
  CHECK(look().state == vm_state::running);
  auto saves = plan.saves;
  pass(30s);
  CHECK(plan.saves == saves);
  plan.disk_health.warning = "lost";
  pass(30s);
  CHECK(plan.saved.error.starts_with("lost: "));
}

TEST_CASE_FIXTURE(host_needs_world, "vm: an overlay is not looked at") {
  spawn_with(network_kind::user, root_disk_kind::overlay);
  REQUIRE(give(order_kind::start)->value);
  pass(30s);
  CHECK_FALSE(plan.saw("look at root disk"));
}
