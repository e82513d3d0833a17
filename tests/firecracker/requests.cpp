// Writes every kind of request that we can send to Firecracker, with all of its fields and with as
// few as can be, a JSON object a line: what tests/firecracker/check_requests.py holds to the
// published description.
#include "core/firecracker_plan.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace {

using namespace banger::core::firecracker;

void write(const request& x) {
  nlohmann::json line{{"method", x.method}, {"path", x.path}, {"body", nullptr}};
  if (!x.body.empty())
    line["body"] = nlohmann::json::parse(x.body);
  std::puts(line.dump().c_str());
}

template <class... Ts>
void write_all(const Ts&... xs) {
  (write(to_request(xs)), ...);
}

void write_devices() {
  write_all(machine_config{}, machine_config{32, 4096, true, true});
  write_all(boot_source{"/vmlinux", "", ""},
            boot_source{"/images/vmlinux", "/vms/1/initrd.cpio", "console=ttyS0 reboot=k"});
  write_all(drive{"root", "/vms/1/root.raw"},
            drive{"work_1", "/dev/mapper/x", true, true, cache::writeback, io_engine::async});
  write_all(drive_update{"root", "/vms/1/other.raw"});
  write_all(network_interface{"eth0", "bgr-1", "", {}},
            network_interface{"eth0", "bgr-1", "52:54:00:00:00:01", 1500});
  write_all(vsock{3, "/vms/1/vsock.sock"}, entropy_device{}, serial_device{"/vms/1/console.log"});
}

void write_the_rest() {
  for (auto level : {log_level::error, log_level::warning, log_level::info, log_level::debug,
                     log_level::trace, log_level::off})
    write_all(logger{"/vms/1/firecracker.log", level, true, true});
  write_all(logger{"/vms/1/firecracker.log"}, metrics{"/vms/1/metrics.json"});
  write_all(action::instance_start, action::send_ctrl_alt_del, action::flush_metrics);
  write_all(run_state::paused, run_state::resumed);
  write_all(snapshot_create{"/s/state", "/s/memory", false},
            snapshot_create{"/s/state", "/s/memory", true});
  write_all(snapshot_load{"/s/state", "/s/memory", false, false, {}, ""},
            snapshot_load{"/s/state", "/s/memory", true, true, {{"eth0", "bgr-2"}}, "/v.sock"});
  write_all(get_instance_info{}, get_version{}, get_machine_config{});
}

void write_whole_plans() {
  launch x;
  x.id = "0123456789ab";
  x.directory = "/vms/0123456789ab";
  x.kernel = "/images/debian/1/vmlinux";
  for (const auto& each : configuration(x))
    write(each);
  x.network = tap_plan{"bgr-0123456789", "52:54:01:23:45:67"};
  x.root_device = "/dev/dm-3";
  x.cmdline_extra = "quiet";
  x.vcpu_count = 2;
  for (const auto& each : configuration(x))
    write(each);
}

} // namespace

int main() {
  write_devices();
  write_the_rest();
  write_whole_plans();
  return 0;
}
