// QEMU's command line for one VM, as a pure function.
//
// Why these: measured under software emulation. q35 boots every time (microvm hangs now and then
// without a TSC hint), `-cpu max` is 1.6 times faster than qemu64, an uncompressed kernel by PVH
// saves 0.5 s, a translation cache of 64 MiB is as fast as the default of 1 GiB, and no default
// device is one less to probe.
#pragma once

#include "protocol/resource_orders.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger::core {

/// Descriptors that QEMU inherits, by their numbers in QEMU.
struct qemu_fds {
  int qmp = 3;     ///< listening Unix socket
  int control = 4; ///< listening Unix socket: the guest's port "banger.0"
  int net = 5;     ///< stream socket to the network helper, or a tap
  int port = 6;    ///< listening Unix socket: the guest's port "banger.1"
  int disk = 7;    ///< block device, where the root disk is one
};

struct qemu_launch {
  std::string program;
  std::string vm_id;
  std::string vm_name;
  std::string directory; ///< of the VM
  std::string kernel;
  std::string initrd;
  std::string root_disk;     ///< qcow2
  std::string work_disk;     ///< raw
  std::string console_log;   ///< appended to
  std::string cmdline_extra; ///< more kernel arguments
  std::uint32_t vcpu_count = 1;
  std::uint32_t memory_mib = 512;
  std::string mac; ///< of the guest's network card
  bool has_kvm = false;
  bool has_tap = false;         ///< fds.net is one
  bool has_root_device = false; ///< fds.disk is the root disk, in the place of root_disk
  qemu_fds fds;
};

[[nodiscard]] std::vector<std::string> qemu_arguments(const qemu_launch& x);

/// What a VM runs with, out of its hypervisor's arguments; 0 where they do not say. Not the disk.
[[nodiscard]] vm_sizes sizes_in(const std::vector<std::string>& arguments);

/// A locally administered MAC address out of a VM's id, so that it stays the same from start to
/// start.
[[nodiscard]] std::string guest_mac(const std::string& vm_id);

} // namespace banger::core
