// How one VM of ours is put to Firecracker: its command line (in a jail or not), the requests that
// configure it, the kernel's arguments. Pure.
#pragma once

#include "core/firecracker_api.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace banger::core::firecracker {

/// Ports of the virtual socket between host and guest.
inline constexpr std::uint32_t control_port = 1024; ///< the guest's agent comes to the host: READY
inline constexpr std::uint32_t ssh_port = 22;       ///< the host comes to the guest

/// A guest's network card.
struct tap_plan {
  std::string tap;
  std::string mac;
};

struct launch {
  std::string id;        ///< letters, digits and '-'
  std::string directory; ///< of the VM; in a jail, as Firecracker sees it
  std::string kernel;
  std::string cmdline_extra; ///< more kernel arguments
  std::uint32_t vcpu_count = 1;
  std::uint32_t memory_mib = 512;
  std::optional<tap_plan> network; ///< none: by vsock alone
  std::string root_device;         ///< a block device's path; empty: root_disk() of the folder
};

// Where things are in a VM's folder.
[[nodiscard]] std::string api_socket(const std::string& directory);
[[nodiscard]] std::string vsock_socket(const std::string& directory);
[[nodiscard]] std::string root_disk(const std::string& directory);    ///< raw
[[nodiscard]] std::string log_path(const std::string& directory);     ///< Firecracker's own
[[nodiscard]] std::string metrics_path(const std::string& directory); ///< NDJSON

/// Says what Firecracker would refuse, in words that say what to do. Errors: bad_request.
[[nodiscard]] result<void> check_launch(const launch& x);

[[nodiscard]] std::string kernel_arguments(const launch& x);

/// All that is put before the start, in the order it has to be: the root disk before the work disk,
/// for they become /dev/vda and /dev/vdb.
[[nodiscard]] std::vector<request> configuration(const launch& x);

/// @param program  absolute path. Source: `firecracker --help`.
[[nodiscard]] std::vector<std::string> arguments(const std::string& program, const launch& x);

/// A jail: a chroot, a user, cgroups and a network namespace of its own. Needs root to begin.
struct jail {
  std::string program; ///< absolute path of jailer
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string chroot_base;                  ///< empty: jailer's own, /srv/jailer
  std::string network_namespace;            ///< path; empty: the one it starts in
  std::uint32_t cgroup_version = 2;         ///< 1 or 2
  std::string parent_cgroup;                ///< relative; empty: named like the program
  std::vector<std::string> cgroups;         ///< "cpu.max=100000 100000"
  std::vector<std::string> resource_limits; ///< "no-file=1024", "fsize=N"
  bool has_own_pid_namespace = false;       ///< then jailer forks: its pid is not Firecracker's
};

/// The root folder of a VM's jail, as the host sees it. What the VM needs has to be put there.
[[nodiscard]] std::string jail_root(const jail& how, const std::string& program, const launch& x);

/// @param program  absolute path of Firecracker. @param x  with paths as they are inside the jail.
/// Errors: bad_request. Source: Firecracker's docs/jailer.md.
[[nodiscard]] result<std::vector<std::string>>
jailed_arguments(const jail& how, const std::string& program, const launch& x);

} // namespace banger::core::firecracker
