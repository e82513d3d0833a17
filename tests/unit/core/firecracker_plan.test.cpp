#include "core/firecracker_plan.hpp"

#include "core/firecracker_metrics.hpp"
#include "core/firecracker_vsock.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

using namespace banger;
using namespace banger::core::firecracker;

namespace {

launch sample() {
  launch x;
  x.id = "0123456789ab";
  x.directory = "/vms/0123456789ab";
  x.kernel = "/images/debian/1/vmlinux";
  return x;
}

std::vector<std::string> paths(const std::vector<request>& all) {
  std::vector<std::string> out;
  for (const auto& x : all)
    out.push_back(x.path);
  return out;
}

failure refusal(const launch& x) {
  auto checked = check_launch(x);
  REQUIRE_FALSE(checked);
  return checked.error();
}

using lines = std::vector<std::string>;

} // namespace

TEST_CASE("firecracker plan: the log comes first, and the root disk before the work disk") {
  auto all = paths(configuration(sample()));
  CHECK(all == lines{"/logger", "/metrics", "/machine-config", "/boot-source", "/drives/root",
                     "/drives/work", "/vsock", "/entropy"});
}

TEST_CASE("firecracker plan: a network card where there is a tap for it") {
  auto x = sample();
  x.network = tap_plan{"bgr-1", "52:54:01:23:45:67"};
  auto all = configuration(x);
  auto card = std::find_if(all.begin(), all.end(), [](const request& each) {
    return each.path == "/network-interfaces/eth0";
  });
  REQUIRE(card != all.end());
  auto body = nlohmann::json::parse(card->body);
  CHECK(body["host_dev_name"] == "bgr-1");
  CHECK(body["guest_mac"] == "52:54:01:23:45:67");
}

TEST_CASE("firecracker plan: a root device takes the place of the disk in the folder") {
  auto x = sample();
  x.root_device = "/dev/dm-3";
  auto all = configuration(x);
  CHECK(paths(all) == paths(configuration(sample())));
  auto disk = std::find_if(all.begin(), all.end(),
                           [](const request& each) { return each.path == "/drives/root"; });
  REQUIRE(disk != all.end());
  auto body = nlohmann::json::parse(disk->body);
  CHECK(body["path_on_host"] == "/dev/dm-3");
  CHECK(body["is_read_only"] == false);
}

TEST_CASE("firecracker plan: every file is in the VM's folder, but the kernel") {
  for (const auto& each : configuration(sample())) {
    const auto body = nlohmann::json::parse(each.body);
    for (const auto& [key, value] : body.items())
      if (value.is_string() && value.get<std::string>().starts_with('/') &&
          key != "kernel_image_path")
        CHECK(value.get<std::string>().starts_with("/vms/0123456789ab/"));
  }
}

TEST_CASE("firecracker plan: the guest ends by a reset, and the image has the last word") {
  auto x = sample();
  x.cmdline_extra = "banger.init=/sbin/init";
  auto text = kernel_arguments(x);
  CHECK(text.find(" reboot=k ") != std::string::npos);
  CHECK(text.find("nomodule") == std::string::npos); // our initramfs loads modules
  CHECK(text.ends_with(" banger.init=/sbin/init"));
}

TEST_CASE("firecracker plan: its command line names the VM's folder, by which it is known again") {
  CHECK(arguments("/usr/bin/firecracker", sample()) == lines{"/usr/bin/firecracker", "--id",
                                                             "0123456789ab", "--api-sock",
                                                             "/vms/0123456789ab/api.sock"});
}

TEST_CASE("firecracker plan: what Firecracker would refuse is refused before it starts") {
  CHECK(check_launch(sample()));
  auto x = sample();
  x.vcpu_count = 32;
  CHECK(check_launch(x));
  x.vcpu_count = 33;
  CHECK(refusal(x).hint.find("--vcpu 32") != std::string::npos);
  x.vcpu_count = 0;
  CHECK(refusal(x).code == ec::bad_request);
  x = sample();
  x.cmdline_extra = std::string(2'000, 'x');
  CHECK(refusal(x).why.find("kernel arguments") != std::string::npos);
  for (auto id : {std::string{}, std::string{"a_b"}, std::string{"../x"}, std::string(65, 'a')}) {
    x = sample();
    x.id = id;
    CHECK(refusal(x).code == ec::bad_request);
  }
}

TEST_CASE("firecracker plan: the longest socket path is at unix(7)'s limit, and not beyond it") {
  auto x = sample();
  const std::string longest = "/vsock.sock_1024";
  x.directory = "/" + std::string(107 - longest.size() - 1, 'd');
  CHECK(check_launch(x));
  x.directory += "d";
  CHECK(refusal(x).hint.find("XDG_STATE_HOME") != std::string::npos);
}

TEST_CASE("firecracker plan: a jail's command line") {
  jail how;
  how.program = "/usr/bin/jailer";
  how.uid = 123;
  how.gid = 100;
  auto x = sample();
  x.directory = "/run";
  CHECK(jailed_arguments(how, "/usr/bin/firecracker", x) ==
        lines{"/usr/bin/jailer", "--id", "0123456789ab", "--exec-file", "/usr/bin/firecracker",
              "--uid", "123", "--gid", "100", "--", "--api-sock", "/run/api.sock"});
  CHECK(jail_root(how, "/usr/bin/firecracker", x) == "/srv/jailer/firecracker/0123456789ab/root");
  how.chroot_base = "/jails";
  how.network_namespace = "/run/netns/box";
  how.parent_cgroup = "banger";
  how.cgroups = {"cpu.max=100000 100000", "memory.max=1G"};
  how.resource_limits = {"no-file=1024"};
  how.has_own_pid_namespace = true;
  CHECK(jailed_arguments(how, "/usr/bin/firecracker", x) == lines{"/usr/bin/jailer",
                                                                  "--id",
                                                                  "0123456789ab",
                                                                  "--exec-file",
                                                                  "/usr/bin/firecracker",
                                                                  "--uid",
                                                                  "123",
                                                                  "--gid",
                                                                  "100",
                                                                  "--chroot-base-dir",
                                                                  "/jails",
                                                                  "--netns",
                                                                  "/run/netns/box",
                                                                  "--cgroup-version",
                                                                  "2",
                                                                  "--parent-cgroup",
                                                                  "banger",
                                                                  "--cgroup",
                                                                  "cpu.max=100000 100000",
                                                                  "--cgroup",
                                                                  "memory.max=1G",
                                                                  "--resource-limit",
                                                                  "no-file=1024",
                                                                  "--new-pid-ns",
                                                                  "--",
                                                                  "--api-sock",
                                                                  "/run/api.sock"});
  CHECK(jail_root(how, "/usr/bin/firecracker", x) == "/jails/firecracker/0123456789ab/root");
}

TEST_CASE("firecracker plan: what jailer would refuse") {
  jail how;
  how.program = "/usr/bin/jailer";
  CHECK_FALSE(jailed_arguments(how, "/usr/bin/fc", sample()));
  CHECK(jailed_arguments(how, "/opt/firecracker-v1.13.1", sample()));
  how.cgroups = {"cpu.max"};
  CHECK_FALSE(jailed_arguments(how, "/usr/bin/firecracker", sample()));
  how.cgroups = {"=1"};
  CHECK_FALSE(jailed_arguments(how, "/usr/bin/firecracker", sample()));
  how.cgroups.clear();
  auto x = sample();
  x.id = "a/b";
  CHECK_FALSE(jailed_arguments(how, "/usr/bin/firecracker", x));
}

TEST_CASE("firecracker vsock: the first line each way") {
  CHECK(connect_line(52) == "CONNECT 52\n");
  CHECK(parse_connect_reply("OK 1073741824") == 1073741824U);
  CHECK(parse_connect_reply("OK 4294967295") == 4294967295U);
  CHECK(longest_connect_reply == std::string{"OK 4294967295\n"}.size());
  for (const char* text :
       {"", "OK", "OK ", "OK x", "OK 1 ", "OK -1", "OK 4294967296", "ok 1", "NO"})
    CHECK(parse_connect_reply(text).error().code == ec::unreachable);
  CHECK(guest_initiated_path("/v.sock", 1024) == "/v.sock_1024");
}

TEST_CASE("firecracker metrics: lines add up, for its counters start anew with each") {
  const std::string first =
      R"({"utc_timestamp_ms": 1000, "net": {"rx_bytes_count": 5, "tx_bytes_count": 7},)"
      R"( "block": {"read_bytes": 100, "write_bytes": 10}, "seccomp": {"num_faults": 0}})";
  const std::string second =
      R"({"utc_timestamp_ms": 2000, "net": {"rx_bytes_count": 1, "tx_bytes_count": 2},)"
      R"( "vsock": {"rx_bytes_count": 3, "tx_bytes_count": 4}})";
  auto sum = parse_metrics(first + "\n" + second + "\n" + R"({"utc_timest)");
  REQUIRE(sum);
  CHECK(*sum == metrics_sum{2000, 2, 6, 9, 100, 10, 3, 4, 0});
  CHECK(parse_metrics("") == metrics_sum{});
  CHECK(parse_metrics("\n\n") == metrics_sum{});
}

TEST_CASE("firecracker metrics: a damaged line is refused, and adds nothing") {
  metrics_sum sum;
  for (const char* text : {"", "x", "[]", "{}", R"({"utc_timestamp_ms": "1"})", "null"}) {
    CHECK_FALSE(add_metrics(sum, text));
    CHECK(sum == metrics_sum{});
  }
  // Fields of another type than promised count nothing.
  CHECK(add_metrics(
      sum,
      R"({"utc_timestamp_ms": 5, "net": 7, "block": {"read_bytes": -1, "write_bytes": "9"}})"));
  CHECK(sum == metrics_sum{5, 1, 0, 0, 0, 0, 0, 0, 0});
  CHECK_FALSE(parse_metrics("{}\n"));
}
