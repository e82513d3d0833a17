#include "hypervisor/vm_usage.hpp"

#include "core/bridge_network.hpp"
#include "core/firecracker_plan.hpp"
#include "core/handles.hpp"
#include "core/net_counters.hpp"
#include "core/process_usage.hpp"
#include "host/files.hpp"
#include "host/process.hpp"
#include "hypervisor/host_resources.hpp"

#include <cstdlib>
#include <ctime>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace banger::hypervisor {

namespace {

constexpr std::size_t max_small_file = 64U << 10;
constexpr std::size_t qcow2_header_size = 32;

std::int64_t boot_clock_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec * std::int64_t{1000} + now.tv_nsec / 1'000'000;
}

void add_process(const core::process_identity& who, vm_usage& out) {
  const auto folder = "/proc/" + std::to_string(who.pid);
  const auto text = host::read_file(folder + "/stat", max_small_file);
  const auto stat = text ? core::parse_process_stat(*text) : std::nullopt;
  if (!stat || stat->start_ticks != who.start_ticks)
    return; // it has ended, and the pid is another's by now
  ++out.process_count;
  const auto ticks_per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  out.cpu_ms += stat->cpu_ticks * 1000 / ticks_per_second;
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  out.resident_bytes += stat->resident_pages * page;
  if (auto pages = host::read_file(folder + "/smaps_rollup", max_small_file))
    out.proportional_bytes += core::parse_proportional_bytes(*pages);
}

/// @param has_header  it is a qcow2; a raw disk begins with whatever the guest wants
void add_disk(const std::string& path, bool has_header, vm_usage& out) {
  constexpr std::uint64_t block = 512; // stat(2): of st_blocks, whatever the file system's is
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0)
    return;
  out.disk_allocated_bytes += static_cast<std::uint64_t>(info.st_blocks) * block;
  if (!has_header)
    out.disk_virtual_bytes += static_cast<std::uint64_t>(info.st_size);
  else if (const auto header = host::read_head(path, qcow2_header_size))
    out.disk_virtual_bytes += core::qcow2_virtual_bytes(*header);
}

std::uint64_t device_counter(const std::string& device, const char* counter) {
  const auto text =
      host::read_file("/sys/class/net/" + device + "/statistics/" + counter, max_small_file);
  return text ? std::strtoull(text->c_str(), nullptr, 10) : 0;
}

/// What the host's end of the cable receives is what the guest sent.
void add_tap(const std::string& device, vm_usage& out) {
  if (!core::tap_index(device))
    return; // the file's word is not taken for a path
  out.has_network = true;
  out.sent_bytes = device_counter(device, "rx_bytes");
  out.received_bytes = device_counter(device, "tx_bytes");
}

void add_network(const std::string& directory, vm_usage& out) {
  const auto bytes = host::read_file(core::net_counters_path(directory), max_small_file);
  const auto counters = bytes ? core::parse_net_counters(*bytes) : std::nullopt;
  if (!counters)
    return;
  out.has_network = true;
  out.sent_bytes = counters->sent_bytes;
  out.received_bytes = counters->received_bytes;
}

} // namespace

vm_usage measure_usage(const measure_vm& x) {
  vm_usage usage;
  usage.clock_ms = boot_clock_ms();
  add_disk(x.directory + "/root.qcow2", true, usage);
  add_disk(core::firecracker::root_disk(x.directory), false, usage);
  add_disk(changes_path(x.directory), false, usage);
  add_disk(x.directory + "/work.ext4", false, usage);
  const auto text = x.is_running ? host::read_file(x.directory + "/handles.json", max_small_file)
                                 : result<std::string>{std::string{}};
  const auto handles = core::parse_handles(text ? *text : std::string{});
  if (!handles || handles->vm_id != x.vm_id || handles->boot_id != host::boot_id())
    return usage;
  add_process(handles->qemu, usage);
  add_process(handles->net, usage);
  if (handles->host && !handles->host->tap.empty())
    add_tap(handles->host->tap, usage);
  else
    add_network(x.directory, usage);
  return usage;
}

} // namespace banger::hypervisor
