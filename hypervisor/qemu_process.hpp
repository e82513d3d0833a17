// The processes of one running VM: QEMU and the helper that is its user-mode network. Starts them,
// or finds them again. No CAF, no waiting: what takes time is reported by file descriptors.
#pragma once

#include "core/handles.hpp"
#include "host/unique_fd.hpp"
#include "hypervisor/host_resources.hpp"
#include "protocol/orders.hpp"
#include "protocol/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger::hypervisor {

/// Where the programs are.
struct programs {
  std::string qemu;       ///< absolute path of qemu-system-x86_64
  std::string net_helper; ///< absolute path of banger-net
  bool has_kvm = false;   ///< /dev/kvm can be opened for writing
};

/// Looks for the programs. Errors: missing_program, with the package's name.
[[nodiscard]] result<programs> find_programs(const std::string& net_helper);

/// The processes, held by descriptors. Destroying this lets them run on.
struct qemu_process {
  core::vm_handles handles;
  host::unique_fd qemu_pidfd; ///< readable once the hypervisor has ended
  host::unique_fd net_pidfd;
  host::unique_fd qmp;     ///< connected to QMP; QEMU greets first
  host::unique_fd control; ///< connected to the guest's control port; lines both ways
  std::string accelerator; ///< "kvm" or "tcg"
};

/// Fills in where the sockets of a VM are.
void name_sockets(core::vm_handles& handles, const std::string& directory);

/// The name of a process's program, without its folder; empty where it has none.
[[nodiscard]] std::string program_name(const std::vector<std::string>& arguments);

/// Whether a program of that name is Firecracker. A release's has its version in it.
[[nodiscard]] bool is_firecracker(const std::string& name);

/// Makes the sockets, then starts both processes in sessions of their own, so that they survive us.
/// On failure nothing is left. QEMU's own words go to `qemu.log` in the VM's folder. Errors:
/// hypervisor_failed, failed.
/// @param resources  what banger-helper made; QEMU holds it from now on
[[nodiscard]] result<qemu_process> start_qemu(const launch_machine& request, const programs& where,
                                              host_resources resources = {});

/// Names a process for ever; start time 0 where there is none.
[[nodiscard]] core::process_identity identify(pid_t pid);

/// Holds processes that an earlier daemon started, without a word to them. Errors: not_found where
/// they are gone, or are not the ones that the handles mean.
[[nodiscard]] result<qemu_process> hold_qemu(const core::vm_handles& handles);

/// Takes such processes over: holds them, and connects. Errors: as hold_qemu.
[[nodiscard]] result<qemu_process> adopt_qemu(const core::vm_handles& handles);

/// Kills both, if they still run, and collects them. Does not wait: see qemu_pidfd.
void kill_qemu(const qemu_process& process);

/// Removes the sockets of a VM whose QEMU has ended, and the counters of its network.
void remove_sockets(const core::vm_handles& handles);

/// How QEMU ended, in words: "exited with status 1", "killed by signal 9". "ended" where it was not
/// our child.
[[nodiscard]] std::string describe_end(const qemu_process& process);

/// The last lines QEMU wrote to its log, joined; empty where it was silent.
[[nodiscard]] std::string last_words(const std::string& vm_directory);

} // namespace banger::hypervisor
