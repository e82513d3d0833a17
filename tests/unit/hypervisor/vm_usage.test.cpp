#include "hypervisor/vm_usage.hpp"

#include "core/handles.hpp"
#include "core/net_counters.hpp"
#include "host/files.hpp"
#include "host/process.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <unistd.h>

using namespace banger;

namespace {

/// A VM's folder whose hypervisor is this very process.
struct world {
  world() {
    handles.vm_id = "0123456789ab";
    handles.directory = folder.path();
    handles.boot_id = host::boot_id();
    handles.qemu = {::getpid(), host::start_time(::getpid()).value()};
    save();
    const core::net_counters counters{core::net_counters_magic, 11, 22};
    REQUIRE(host::write_file(core::net_counters_path(folder.path()),
                             {reinterpret_cast<const char*>(&counters), sizeof counters}, 0600));
    REQUIRE(host::write_file(folder / "work.ext4", std::string(1U << 20, 'x'), 0600));
    std::filesystem::resize_file(folder / "work.ext4", 64U << 20);
    REQUIRE(host::write_file(folder / "root.qcow2",
                             std::string{"QFI\xfb\0\0\0\3", 8} + std::string(20, '\0') +
                                 std::string{"\x40\0\0\0", 4},
                             0600));
  }
  void save() const {
    REQUIRE(host::write_file(folder / "handles.json", core::render_handles(handles), 0600));
  }
  [[nodiscard]] vm_usage measure(bool is_running = true) const {
    return hypervisor::measure_usage({"0123456789ab", folder.path(), is_running});
  }
  test::temporary_folder folder;
  core::vm_handles handles;
};

} // namespace

TEST_CASE_FIXTURE(world, "vm usage: what its processes, disks and network take") {
  // Work that the kernel must count, however coarse its clock.
  while (measure().cpu_ms == 0) {
  }
  const auto x = measure();
  CHECK(x.process_count == 1); // of the network helper there is none
  CHECK(x.resident_bytes > 1U << 20);
  CHECK(x.proportional_bytes > 0);
  CHECK(x.proportional_bytes <= x.resident_bytes);
  CHECK(x.disk_virtual_bytes == (64ULL << 20) + (1ULL << 30));
  CHECK(x.disk_allocated_bytes >= 1U << 20);
  CHECK(x.disk_allocated_bytes < 4U << 20);
  CHECK(x.has_network);
  CHECK(x.sent_bytes == 11);
  CHECK(x.received_bytes == 22);
  CHECK(measure().clock_ms >= x.clock_ms);
}

TEST_CASE_FIXTURE(world, "vm usage: a VM that does not run has its disks alone") {
  const auto x = measure(false);
  CHECK(x.process_count == 0);
  CHECK(x.cpu_ms == 0);
  CHECK_FALSE(x.has_network);
  CHECK(x.disk_virtual_bytes == (64ULL << 20) + (1ULL << 30));
}

TEST_CASE_FIXTURE(world, "vm usage: a pid that is another process by now is not counted") {
  ++handles.qemu.start_ticks;
  save();
  CHECK(measure().process_count == 0);
  CHECK(measure().resident_bytes == 0);
}

TEST_CASE_FIXTURE(world, "vm usage: handles of another VM, of another boot, or none") {
  auto other = handles;
  handles.vm_id = "ba9876543210";
  save();
  CHECK(measure().process_count == 0);
  handles = other;
  handles.boot_id = "another";
  save();
  CHECK(measure().process_count == 0);
  host::remove_file(folder / "handles.json");
  CHECK(measure().process_count == 0);
}
