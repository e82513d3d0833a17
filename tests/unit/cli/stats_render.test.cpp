#include "cli/stats_render.hpp"

#include "tests/unit/cli/typed_line.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace banger;
using namespace banger::cli;
using namespace banger::test;

namespace {

vm_stats running() {
  vm_stats x;
  x.id = "0123456789ab";
  x.name = "box";
  x.state = vm_state::running;
  x.at_ms = 1'700'000'000'000;
  x.clock_ms = 100'000;
  x.uptime_ms = 60'000;
  x.vcpu_count = 2;
  x.memory_mib = 512;
  x.process_count = 2;
  x.cpu_ms = 4'200;
  x.interval_ms = 1'000;
  x.interval_cpu_ms = 1'255;
  x.resident_bytes = 400U << 20;
  x.proportional_bytes = 300U << 20;
  x.guest_memory_bytes = 480U << 20;
  x.guest_memory_used_bytes = 96U << 20;
  x.disk_allocated_bytes = 200U << 20;
  x.disk_virtual_bytes = 10ULL << 30;
  x.has_network = true;
  x.received_bytes = 3U << 20;
  x.sent_bytes = 20U << 10;
  return x;
}

vm_stats stopped() {
  vm_stats x;
  x.id = "ba9876543210";
  x.name = "a-long-name";
  x.disk_allocated_bytes = 1U << 20;
  x.disk_virtual_bytes = 1U << 30;
  return x;
}

} // namespace

TEST_CASE("stats: a VM that runs has figures, one that is stopped has dashes") {
  CHECK(stats_table({running(), stopped()}) ==
        "NAME         STATE    CPU     CPU TIME  MEMORY   GUEST MEMORY      DISK              "
        "RECEIVED  SENT    UPTIME\n"
        "box          running  125.5%  4.2s      300 MiB  96 MiB / 480 MiB  200 MiB / 10 GiB  "
        "3 MiB     20 KiB  1 min\n"
        "a-long-name  stopped  -       -         -        -                 1 MiB / 1 GiB     "
        "-         -       -\n");
}

TEST_CASE("stats: where the proportional share is not known, what is resident is shown") {
  auto x = running();
  x.proportional_bytes = 0;
  CHECK(stats_table({x}).find("400 MiB") != std::string::npos);
}

TEST_CASE("stats: for programs every field is there, and null for what is not known") {
  const auto both = nlohmann::json::parse(stats_json({running(), stopped()}, false)).at("stats");
  CHECK(both.at(0).at("cpu_percent").get<double>() == doctest::Approx(125.5));
  CHECK(both.at(0).at("received_bytes") == 3U << 20);
  CHECK(both.at(0).size() == both.at(1).size());
  for (const char* name : {"uptime_ms", "cpu_ms", "cpu_percent", "resident_bytes",
                           "guest_memory_bytes", "received_bytes", "sent_bytes"})
    CHECK_MESSAGE(both.at(1).at(name).is_null(), name);
  CHECK(both.at(1).at("disk_virtual_bytes") == 1U << 30);
  const auto line = stats_json({running()}, true);
  CHECK(line.find('\n') == line.size() - 1);
}

TEST_CASE("stats: who follows counts from their own last look") {
  auto later = running();
  later.clock_ms += 2'000;
  later.uptime_ms += 2'000;
  later.cpu_ms += 500;
  later.interval_ms = 10; // somebody else has just looked
  later.interval_cpu_ms = 10;
  std::vector<vm_stats> now{stopped(), later};
  count_from({running()}, now);
  CHECK(now[1].interval_ms == 2'000);
  CHECK(now[1].interval_cpu_ms == 500);
  CHECK(now[0].interval_ms == 0);
}

TEST_CASE("stats: a VM that was started again since is not counted from before") {
  auto again = running();
  again.clock_ms += 2'000;
  again.uptime_ms = 500;
  again.cpu_ms = 9'000;
  std::vector<vm_stats> now{again};
  count_from({running()}, now);
  CHECK(now[0].interval_ms == running().interval_ms);
}

TEST_CASE("cli: stats takes VMs or none, and set takes sizes") {
  CHECK(read({"vm", "stats"}).what == verb::vm_stats);
  CHECK(read({"vm", "stats", "a", "b", "-f"}).refs == std::vector<std::string>{"a", "b"});
  CHECK(read({"vm", "stats", "--follow"}).follows);
  const auto set = read({"vm", "set", "box", "--vcpu", "2", "--memory", "1G", "--disk", "16G"});
  CHECK(set.what == verb::vm_set);
  CHECK(set.refs == std::vector<std::string>{"box"});
  CHECK(set.config.vcpu_count == 2);
  CHECK(set.config.memory_mib == 1024);
  CHECK(set.config.disk_mib == 16'384);
  CHECK(refused({"vm", "set", "box"}).find("what to change is missing") != std::string::npos);
  refused({"vm", "set", "--vcpu", "2"});
  refused({"vm", "set", "box", "--vcpu", "0"});
  refused({"vm", "set", "box", "--disk", "-1G"});
}
