#include "core/firecracker_plan.hpp"

#include "core/firecracker_vsock.hpp"

#include <algorithm>

namespace banger::core::firecracker {

namespace {

constexpr std::uint32_t guest_cid = 3; // each Firecracker has a vsock of its own: any will do
constexpr std::uint32_t most_vcpus = 32;
constexpr std::size_t longest_id = 64;
constexpr std::size_t longest_socket_path = 107;       // sockaddr_un without its NUL: unix(7)
constexpr std::size_t longest_kernel_arguments = 2047; // of which Firecracker adds a few itself
constexpr std::size_t added_by_firecracker = 300;      // root=, pci=off, virtio_mmio.device=

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_instance_id(const std::string& id) {
  return !id.empty() && id.size() <= longest_id &&
         std::all_of(id.begin(), id.end(), [](char c) { return is_alphanumeric(c) || c == '-'; });
}

tl::unexpected<failure> refused(std::string why, std::string hint = {}) {
  return fail(ec::bad_request, "start it in Firecracker", std::move(why), std::move(hint));
}

/// The longest of the socket paths that Firecracker, or the guest through it, makes.
std::string longest_path(const launch& x) {
  return guest_initiated_path(vsock_socket(x.directory), control_port);
}

} // namespace

std::string api_socket(const std::string& directory) {
  return directory + "/api.sock";
}

std::string vsock_socket(const std::string& directory) {
  return directory + "/vsock.sock";
}

std::string root_disk(const std::string& directory) {
  return directory + "/root.raw";
}

std::string log_path(const std::string& directory) {
  return directory + "/firecracker.log";
}

std::string metrics_path(const std::string& directory) {
  return directory + "/metrics.json";
}

result<void> check_launch(const launch& x) {
  if (!is_instance_id(x.id))
    return refused("'" + x.id + "' is no id for it");
  if (x.vcpu_count == 0 || x.vcpu_count > most_vcpus)
    return refused("it has 1 to 32 processors, not " + std::to_string(x.vcpu_count),
                   "make the VM with --vcpu 32 or fewer, or with --driver qemu");
  if (longest_path(x).size() > longest_socket_path)
    return refused("the path of its sockets is longer than " + std::to_string(longest_socket_path) +
                       " bytes: " + longest_path(x),
                   "give the daemon a shorter XDG_STATE_HOME");
  if (kernel_arguments(x).size() + added_by_firecracker > longest_kernel_arguments)
    return refused("the image's kernel arguments are too long for it",
                   "use an image with fewer, or --driver qemu");
  return {};
}

std::string kernel_arguments(const launch& x) {
  // reboot=k: Firecracker ends with a reset by the keyboard controller, and knows no power-off.
  // panic=-1: a panic is such a reset at once. i8042.*: a keyboard is all there is behind it.
  std::string text = "console=ttyS0 quiet reboot=k panic=-1 cryptomgr.notests mitigations=off "
                     "no_timer_check i8042.noaux i8042.nomux i8042.dumbkbd swiotlb=noforce";
  if (!x.cmdline_extra.empty())
    text += " " + x.cmdline_extra;
  return text;
}

std::vector<request> configuration(const launch& x) {
  std::vector<request> all{
      to_request(logger{log_path(x.directory)}),
      to_request(metrics{metrics_path(x.directory)}),
      to_request(machine_config{x.vcpu_count, x.memory_mib}),
      to_request(boot_source{x.kernel, x.directory + "/initrd.cpio", kernel_arguments(x)}),
      to_request(drive{"root", x.root_device.empty() ? root_disk(x.directory) : x.root_device,
                       false, false, cache::writeback}),
      to_request(drive{"work", x.directory + "/work.ext4", false, false, cache::writeback}),
  };
  if (x.network)
    all.push_back(to_request(network_interface{"eth0", x.network->tap, x.network->mac, {}}));
  all.push_back(to_request(vsock{guest_cid, vsock_socket(x.directory)}));
  all.push_back(to_request(entropy_device{}));
  return all;
}

std::vector<std::string> arguments(const std::string& program, const launch& x) {
  return {program, "--id", x.id, "--api-sock", api_socket(x.directory)};
}

std::string jail_root(const jail& how, const std::string& program, const launch& x) {
  const auto base = how.chroot_base.empty() ? std::string{"/srv/jailer"} : how.chroot_base;
  return base + "/" + program.substr(program.rfind('/') + 1) + "/" + x.id + "/root";
}

result<std::vector<std::string>> jailed_arguments(const jail& how, const std::string& program,
                                                  const launch& x) {
  const auto name = program.substr(program.rfind('/') + 1);
  if (!is_instance_id(x.id))
    return refused("'" + x.id + "' is no id for its jail");
  if (name.find("firecracker") == std::string::npos)
    return refused("jailer takes only a program whose name has 'firecracker' in it, not " + name,
                   "give the program that name, or a link to it");
  for (const auto& setting : how.cgroups)
    if (setting.find('=') == std::string::npos || setting.starts_with('='))
      return refused("'" + setting + "' is no FILE=VALUE of a cgroup");
  std::vector<std::string> all{how.program,
                               "--id",
                               x.id,
                               "--exec-file",
                               program,
                               "--uid",
                               std::to_string(how.uid),
                               "--gid",
                               std::to_string(how.gid)};
  auto add = [&all](const char* option, const std::string& value) {
    if (!value.empty())
      all.insert(all.end(), {option, value});
  };
  add("--chroot-base-dir", how.chroot_base);
  add("--netns", how.network_namespace);
  add("--cgroup-version", how.cgroups.empty() && how.parent_cgroup.empty()
                              ? std::string{}
                              : std::to_string(how.cgroup_version));
  add("--parent-cgroup", how.parent_cgroup);
  for (const auto& setting : how.cgroups)
    add("--cgroup", setting);
  for (const auto& limit : how.resource_limits)
    add("--resource-limit", limit);
  if (how.has_own_pid_namespace)
    all.emplace_back("--new-pid-ns");
  all.insert(all.end(), {"--", "--api-sock", api_socket(x.directory)}); // jailer passes --id on
  return all;
}

} // namespace banger::core::firecracker
