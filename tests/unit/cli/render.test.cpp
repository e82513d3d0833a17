#include "cli/render.hpp"

#include <doctest/doctest.h>

#include <utility>

using namespace banger;
using namespace banger::cli;

namespace {

constexpr std::int64_t now = 1'700'000'100'000;

vm_info running_vm() {
  vm_info x;
  x.id = "0123456789ab";
  x.name = "box";
  x.state = vm_state::running;
  x.image = "debian";
  x.vcpu_count = 2;
  x.memory_mib = 512;
  x.disk_mib = 8192;
  x.address = "127.77.0.2";
  x.ssh_port = 2222;
  x.created_at_ms = now - 90'000;
  x.started_at_ms = now - 30'000;
  x.pid = 4242;
  x.accelerator = "tcg";
  x.directory = "/vms/0123456789ab";
  x.console_log = "/vms/0123456789ab/console.log";
  return x;
}

vm_info broken_vm() {
  vm_info x;
  x.id = "ba9876543210";
  x.name = "a-long-name";
  x.state = vm_state::error;
  x.image = "mine";
  x.vcpu_count = 1;
  x.memory_mib = 1536;
  x.disk_mib = 64;
  x.address = "127.77.0.10";
  x.ssh_port = 2222;
  x.is_isolated = true;
  x.is_ephemeral = true;
  x.created_at_ms = now - 3 * 86'400'000LL;
  x.directory = "/vms/ba9876543210";
  x.console_log = "/vms/ba9876543210/console.log";
  x.last_error = "qemu exited with status 1";
  x.last_error_stage = "booting";
  x.last_error_at_ms = now - 7'200'000;
  return x;
}

image_info sample_image() {
  return {"debian",          "b1",       "bookworm",   "banger", "6.1.0-1",
          now - 172'800'000, 8ULL << 30, 400ULL << 20, 123,      "/images/debian/b1"};
}

} // namespace

TEST_CASE("render: a table has aligned columns and no trailing spaces") {
  CHECK(table({{"A", "LONG", "C"}, {"abc", "x", ""}, {"", "yy", "z"}}) == "A    LONG  C\n"
                                                                          "abc  x     \n"
                                                                          "     yy    z\n");
  CHECK(table({}).empty());
  CHECK(table({{"ONE"}}) == "ONE\n");
}

TEST_CASE("render: how long") {
  constexpr std::pair<std::int64_t, const char*> cases[] = {
      {-5, "0 s"},           {0, "0 s"},          {999, "0 s"},          {1000, "1 s"},
      {59'999, "59 s"},      {60'000, "1 min"},   {3'599'999, "59 min"}, {3'600'000, "1 h"},
      {172'799'999, "47 h"}, {172'800'000, "2 d"}};
  for (const auto& [ms, text] : cases)
    CHECK(duration(ms) == text);
  CHECK(seconds(0) == "0.0s");
  CHECK(seconds(3149) == "3.1s");
  CHECK(seconds(-1) == "0.0s");
  CHECK(seconds(61'000) == "61.0s");
}

TEST_CASE("render: how much") {
  constexpr std::pair<std::uint64_t, const char*> cases[] = {
      {0, "0 KiB"},         {1023, "0 KiB"},
      {1024, "1 KiB"},      {(1U << 20) - 1, "1023 KiB"},
      {1U << 20, "1 MiB"},  {1536ULL << 20, "1.5 GiB"},
      {8ULL << 30, "8 GiB"}};
  for (const auto& [count, text] : cases)
    CHECK(bytes(count) == text);
}

TEST_CASE("render: the table of VMs") {
  auto starting = running_vm();
  starting.name = "web";
  starting.state = vm_state::starting;
  starting.stage = "booting";
  starting.started_at_ms = 0;
  CHECK(vm_table({broken_vm(), running_vm(), starting}, now) ==
        "NAME         STATE               IMAGE   VCPU  MEMORY   DISK    ADDRESS      UPTIME  "
        "CREATED\n"
        "a-long-name  error               mine    1     1.5 GiB  64 MiB  127.77.0.10  -       3 d "
        "ago\n"
        "box          running             debian  2     512 MiB  8 GiB   127.77.0.2   30 s    1 "
        "min ago\n"
        "web          starting (booting)  debian  2     512 MiB  8 GiB   127.77.0.2   -       1 "
        "min ago\n");
  CHECK(vm_table(std::vector<vm_info>{}, now) ==
        "NAME  STATE  IMAGE  VCPU  MEMORY  DISK  ADDRESS  UPTIME  CREATED\n");
}

TEST_CASE("render: all about a running VM") {
  CHECK(vm_details(running_vm(), now) == "name:         box\n"
                                         "id:           0123456789ab\n"
                                         "state:        running\n"
                                         "image:        debian\n"
                                         "vcpu:         2\n"
                                         "memory:       512 MiB\n"
                                         "disk:         8 GiB\n"
                                         "network:      user\n"
                                         "root disk:    overlay\n"
                                         "address:      127.77.0.2 port 2222 (ssh)\n"
                                         "driver:       qemu\n"
                                         "accelerator:  tcg\n"
                                         "process:      4242\n"
                                         "uptime:       30 s\n"
                                         "created:      2023-11-14T22:13:30.000Z\n"
                                         "folder:       /vms/0123456789ab\n"
                                         "console log:  /vms/0123456789ab/console.log\n");
}

TEST_CASE("render: what was set while a VM runs is shown beside what runs") {
  auto vm = running_vm();
  vm.running_vcpu_count = 2;
  vm.running_memory_mib = 256;
  vm.running_disk_mib = 4096;
  const auto text = vm_details(vm, now);
  CHECK(text.find("vcpu:         2\n") != std::string::npos);
  CHECK(text.find("memory:       512 MiB (until its next start: 256 MiB)\n") != std::string::npos);
  CHECK(text.find("disk:         8 GiB (until its next start: 4 GiB)\n") != std::string::npos);
}

TEST_CASE("render: all about a VM that broke says why first") {
  CHECK(vm_details(broken_vm(), now) ==
        "name:         a-long-name\n"
        "id:           ba9876543210\n"
        "state:        error\n"
        "last error:   qemu exited with status 1 (while booting, 2 h ago)\n"
        "image:        mine\n"
        "vcpu:         1\n"
        "memory:       1.5 GiB\n"
        "disk:         64 MiB\n"
        "network:      none\n"
        "root disk:    overlay\n"
        "address:      127.77.0.10 port 2222 (ssh)\n"
        "driver:       qemu\n"
        "created:      2023-11-11T22:15:00.000Z\n"
        "ephemeral:    yes\n"
        "folder:       /vms/ba9876543210\n"
        "console log:  /vms/ba9876543210/console.log\n");
}

TEST_CASE("render: images") {
  CHECK(image_table({sample_image()}, now) ==
        "NAME    SUITE     INIT    KERNEL   PACKAGES  SIZE     BUILT\n"
        "debian  bookworm  banger  6.1.0-1  123       400 MiB  2 d ago\n");
  CHECK(image_details(sample_image(), now) == "name:       debian\n"
                                              "build:      b1\n"
                                              "suite:      bookworm\n"
                                              "init:       banger\n"
                                              "kernel:     6.1.0-1\n"
                                              "packages:   123\n"
                                              "root disk:  8 GiB\n"
                                              "size:       400 MiB\n"
                                              "built:      2023-11-12T22:15:00.000Z (2 d ago)\n"
                                              "folder:     /images/debian/b1\n");
}

TEST_CASE("render: the daemon") {
  daemon_status x{"0.1.0", 1, 77, now - 60'000,          "/r/s", "/s/db", "/s/log", 3,
                  2,       1, 4,  {5, 0, 1, 0, 2, 0, 30}};
  x.host_id = "0123456789ab";
  x.cpu_count = 8;
  x.memory_mib = 16'384;
  x.memory_free_mib = 9'216;
  x.disk_free_mib = 102'400;
  CHECK(status_details(x, now) ==
        "daemon:        running, process 77\n"
        "version:       0.1.0\n"
        "protocol:      1\n"
        "uptime:        1 min\n"
        "VMs:           3, of them running: 2\n"
        "host:          0123456789ab, 8 CPUs, 9 GiB of 16 GiB memory free, 100 GiB disk free\n"
        "at its start:  5 adopted, 1 rolled back, 2 of no VM cleared (30 ms)\n"
        "clients:       1\n"
        "workers:       4\n"
        "socket:        /r/s\n"
        "database:      /s/db\n"
        "log:           /s/log\n");
  auto quiet = x;
  quiet.reconciled = {};
  CHECK(status_details(quiet, now).find("all as it was left (0 ms)") != std::string::npos);
}

TEST_CASE("render: what became of a VM") {
  vm_history past;
  past.vm.name = "box";
  past.vm.state = vm_state::error;
  past.vm.last_error = "it broke";
  CHECK(history_details(past, now) == "box is error: it broke\nNothing has become of it yet.\n");
  past.transitions = {
      {now - 60'000, vm_state::stopped, vm_state::starting, "start", "", ""},
      {now - 5'000, vm_state::starting, vm_state::error, "start", "booting", "no\nluck"}};
  CHECK(history_details(past, now) ==
        "box is error for 5 s: it broke\n"
        "WHEN                      WHAT                 OPERATION  STAGE    CAUSE\n"
        "2023-11-14T22:14:00.000Z  stopped -> starting  start      -        -\n"
        "2023-11-14T22:14:55.000Z  starting -> error    start      booting  no\\nluck\n");
}

TEST_CASE("render: the tree of actors is indented") {
  const actor_tree tree{{{"supervisor", 0, "1 VM", 0, 0, ""}, {"vm box", 1, "error", 2, 3, "why"}}};
  CHECK(tree_table(tree) == "ACTOR       STATE  MAILBOX  RESTARTS  LAST ERROR\n"
                            "supervisor  1 VM   0        0         -\n"
                            "  vm box    error  2        3         why\n");
}

TEST_CASE("render: an event is one line") {
  CHECK(event_line({1, now + 7, "vm.state", "box", "running"}) ==
        "2023-11-14T22:15:00.007Z  vm.state  box  running\n");
  CHECK(event_line({2, now, "vm.deleted", "box", ""}) ==
        "2023-11-14T22:15:00.000Z  vm.deleted  box\n");
}

TEST_CASE("render: text of others cannot play tricks on the terminal") {
  CHECK(printable("plain \xc3\xa4 text") == "plain \xc3\xa4 text");
  CHECK(printable("a\nb\tc\033[2J\x7f\r") == "a\\nb\\tc\\x1b[2J\\x7f\\x0d");
  CHECK(printable(std::string_view{"\0", 1}) == "\\x00");
}

TEST_CASE("render: an error is one line, and a hint where there is one") {
  CHECK(error_lines({ec::failed, "start vm 'box'", "no luck", ""}, false) ==
        "banger: start vm 'box': no luck\n");
  CHECK(error_lines({ec::failed, "start vm 'box'", "", "try again"}, false) ==
        "banger: start vm 'box'\nhint: try again\n");
  CHECK(error_lines({ec::failed, "a\nb", "c\n", ""}, false) == "banger: a\\nb: c\\n\n");
  CHECK(error_lines({ec::failed, "a", "", ""}, true) == "\033[31mbanger:\033[0m a\n");
}
