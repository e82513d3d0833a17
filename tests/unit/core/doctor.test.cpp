#include "core/doctor.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace banger::core;

namespace {

/// All that can be there is.
host_facts rich() {
  host_facts x;
  for (const auto& name : wanted_programs())
    x.programs[name] = "/usr/bin/" + name;
  for (const auto& path : wanted_devices())
    x.devices[path] = device_access::usable;
  for (const auto& module : wanted_features())
    x.features[module] = kernel_feature::present;
  x.helper = helper_state::reachable;
  x.helper_socket = "/run/helper.sock";
  x.forwards_ipv4 = x.has_default_image = x.has_daemon = true;
  x.dns_listen = "127.77.0.1:5300";
  return x;
}

check_row row(const host_facts& facts, const std::string& name) {
  const auto rows = diagnose(facts);
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const check_row& x) { return x.name == name; });
  REQUIRE_MESSAGE(found != rows.end(), name);
  return *found;
}

void check_optional(const check_row& x, const std::string& says) {
  CHECK(x.state == check_state::optional);
  CHECK_MESSAGE(x.found.find(says) != std::string::npos, x.found);
  CHECK_MESSAGE(x.found.find("not needed for the default") != std::string::npos, x.found);
  CHECK_FALSE(x.fix.empty());
}

} // namespace

TEST_CASE("doctor: a host that has all has nothing to mend") {
  std::set<std::string> names;
  for (const auto& x : diagnose(rich())) {
    CHECK_MESSAGE(x.state == check_state::ok, x.name);
    CHECK(x.fix.empty());
    CHECK_FALSE(x.found.empty());
    CHECK(names.insert(x.name).second);
  }
}

TEST_CASE("doctor: a Firecracker that is there is no promise") {
  CHECK(row(rich(), "firecracker").found.find("never on real hardware") != std::string::npos);
}

TEST_CASE("doctor: whatever is not there says what to do") {
  for (const auto& x : diagnose({}))
    CHECK_MESSAGE((x.state == check_state::ok) == x.fix.empty(), x.name);
}

TEST_CASE("doctor: of a bare host, only what the default needs is missing") {
  std::set<std::string> missing;
  for (const auto& x : diagnose({}))
    if (x.state == check_state::missing)
      missing.insert(x.name);
  CHECK(missing == std::set<std::string>{"qemu-system-x86_64", "qemu-img", "mke2fs", "ssh-keygen",
                                         "image debian"});
}

TEST_CASE("doctor: a device that is not ours is another thing than one that is not there") {
  auto x = rich();
  x.devices["/dev/kvm"] = device_access::forbidden;
  check_optional(row(x, "/dev/kvm"), "not for this user");
  CHECK(row(x, "/dev/kvm").fix.find("kvm, and log in again") != std::string::npos);
  x.devices["/dev/kvm"] = device_access::absent;
  check_optional(row(x, "/dev/kvm"), "absent");
  CHECK(row(x, "/dev/kvm").fix.find("modprobe kvm_intel") != std::string::npos);
}

TEST_CASE("doctor: a module that can be loaded says how") {
  auto x = rich();
  x.features["bridge"] = kernel_feature::loadable;
  check_optional(row(x, "kernel: bridge"), "not loaded");
  CHECK(row(x, "kernel: bridge").fix == "modprobe bridge");
  x.features["bridge"] = kernel_feature::absent;
  check_optional(row(x, "kernel: bridge"), "absent");
}

TEST_CASE("doctor: the helper in each of its states") {
  auto x = rich();
  for (auto [state, says] : {std::pair{helper_state::forbidden, "not for this user"},
                             std::pair{helper_state::silent, "nobody listens"},
                             std::pair{helper_state::absent, "there is no /run/helper.sock"}}) {
    x.helper = state;
    check_optional(row(x, "banger-helper"), says);
  }
}

TEST_CASE("doctor: names that are wanted and not served are a fault, others are not") {
  auto x = rich();
  x.dns_listen.clear();
  check_optional(row(x, "names of VMs"), "not served");
  x.has_daemon = false;
  check_optional(row(x, "names of VMs"), "no daemon");
  x.has_daemon = true;
  x.dns_trouble = "listen on 127.77.0.1 port 5300: another program listens there";
  CHECK(row(x, "names of VMs").state == check_state::missing);
  CHECK(row(x, "names of VMs").found.find("another program") != std::string::npos);
}
