// The processes of one VM that runs in Firecracker: itself, and the helper through which the host
// reaches the guest's sshd. No CAF, no waiting, and no request to the API: that is
// hypervisor/firecracker_api.
#pragma once

#include "core/firecracker_plan.hpp"
#include "hypervisor/qemu_process.hpp"

#include <string>

namespace banger::hypervisor {

struct firecracker_programs {
  std::string firecracker; ///< absolute path
  std::string net_helper;  ///< absolute path of banger-net
};

/// Looks for Firecracker and for what it needs: a /dev/kvm that we may open. Errors:
/// missing_program, hypervisor_failed; each with what to do.
[[nodiscard]] result<firecracker_programs> find_firecracker(const std::string& net_helper);

/// Whether /dev/kvm can be opened for writing. @returns failed, with errno's text and what to do.
/// A test's daemon has another one: there is no /dev/kvm where tests run.
[[nodiscard]] result<void> check_kvm();

/// The processes, held by descriptors. Destroying this lets them run on.
struct firecracker_process {
  qemu_process process;             ///< handles and pidfds; neither of its connections
  host::unique_fd control_listener; ///< the guest's agent connects here, by vsock
};

/// The plan of a VM, as its launch order has it.
/// @param resources  what banger-helper lent it
[[nodiscard]] core::firecracker::launch firecracker_plan(const launch_machine& request,
                                                         const host_resources& resources);

/// Fills in where the sockets of a VM in Firecracker are.
void name_firecracker_sockets(core::vm_handles& handles, const std::string& directory);

/// Makes the listener for the guest's agent and the files that Firecracker writes, then starts both
/// processes in sessions of their own: with a tap there is only one, as the guest is reached over
/// that. The serial console is Firecracker's stdout: it goes to console.log. @param resources  what
/// it will be told to open: to be held until it has. On failure nothing is left. Errors:
/// bad_request, hypervisor_failed, failed.
[[nodiscard]] result<firecracker_process> start_firecracker(const launch_machine& request,
                                                            const firecracker_programs& where,
                                                            const host_resources& resources);

/// What Firecracker said last, on stderr or else in its log; empty where it was silent.
[[nodiscard]] std::string firecracker_last_words(const std::string& vm_directory);

} // namespace banger::hypervisor
