#include "hypervisor/rediscover.hpp"

#include "hypervisor/firecracker_process.hpp"

#include "host/clock.hpp"
#include "host/process.hpp"

#include <algorithm>
#include <unistd.h>

namespace banger::hypervisor {

namespace {

std::int64_t unix_ms_of(std::uint64_t start_ticks) {
  timespec up{};
  ::clock_gettime(CLOCK_BOOTTIME, &up);
  const auto up_ms = up.tv_sec * std::int64_t{1000} + up.tv_nsec / 1'000'000;
  const auto start_ms = static_cast<std::int64_t>(start_ticks) * 1000 / ::sysconf(_SC_CLK_TCK);
  return host::unix_ms() - (up_ms - start_ms);
}

std::string accelerator_of(const std::vector<std::string>& arguments) {
  const auto option = std::find(arguments.begin(), arguments.end(), "-accel");
  const auto has_kvm = option != arguments.end() && option + 1 != arguments.end() &&
                       (option + 1)->starts_with("kvm");
  return has_kvm ? "kvm" : "tcg";
}

} // namespace

std::optional<core::vm_handles> rediscover(const std::string& vm_id, const std::string& directory) {
  core::vm_handles x;
  for (auto pid : host::find_processes_naming(directory)) {
    const auto arguments = host::arguments_of(pid);
    const auto program = program_name(arguments);
    const auto identity = identify(pid);
    if (program == "banger-net") {
      x.net = identity;
    } else if (is_firecracker(program) || program.starts_with("qemu-system-")) {
      if (x.qemu.pid != 0)
        return std::nullopt; // two on one disk: neither is to be relied on
      x.qemu = identity;
      x.driver = is_firecracker(program) ? vm_driver::firecracker : vm_driver::qemu;
      x.accelerator = is_firecracker(program) ? "kvm" : accelerator_of(arguments);
    }
  }
  if (x.qemu.pid == 0)
    return std::nullopt;
  x.vm_id = vm_id;
  if (x.driver == vm_driver::firecracker)
    name_firecracker_sockets(x, directory);
  else
    name_sockets(x, directory);
  x.boot_id = host::boot_id();
  x.started_at_ms = unix_ms_of(x.qemu.start_ticks);
  return x;
}

} // namespace banger::hypervisor
