// What a VM may have, and what it takes: `banger vm set` and `banger vm stats`. Like the other
// values: fields are positional, so only append, and raise protocol_version when you do.
#pragma once

#include "protocol/values.hpp"

#include <cstdint>
#include <string>

namespace banger {

/// Whether a VM's tap shall reach other networks than the bridge's. The number is the wire value.
enum class nat_change : std::uint8_t { none, on, off };

/// Request: change what a VM may have; 0 leaves it as it is. A running VM has it from its next
/// start on. Reply: vm_info. Errors: not_found; bad_request (out of range, a smaller disk, NAT
/// without a tap, nothing to change); busy; no_space and failed (the disk could not be grown:
/// nothing is changed then).
struct set_vm {
  std::string ref;
  std::uint32_t vcpu_count = 0;
  std::uint32_t memory_mib = 0;
  std::uint32_t disk_mib = 0; ///< of the work disk on /root; never smaller than it is
  nat_change nat = nat_change::none;
};

template <class Inspector>
auto inspect(Inspector& f, set_vm& x) {
  return f(x.ref, x.vcpu_count, x.memory_mib, x.disk_mib, x.nat);
}

/// Request: what does a VM take right now? Reply: vm_stats. Errors: not_found, storage_failed.
struct get_vm_stats {
  std::string ref;
};

template <class Inspector>
auto inspect(Inspector& f, get_vm_stats& x) {
  return f(x.ref);
}

/// One look at what a VM takes of its host. 0 where it does not run, or where it is not known.
struct vm_stats {
  std::string id;
  std::string name;
  vm_state state = vm_state::stopped;
  std::int64_t at_ms = 0;               ///< Unix time of the look
  std::int64_t clock_ms = 0;            ///< the same by a clock that nobody sets, CLOCK_BOOTTIME
  std::int64_t uptime_ms = 0;           ///< 0 unless running
  std::uint32_t vcpu_count = 0;         ///< that it runs with, or would
  std::uint32_t memory_mib = 0;         ///< likewise
  std::uint32_t process_count = 0;      ///< of the host: the hypervisor, and the network's
  std::uint64_t cpu_ms = 0;             ///< processor time of these since its start
  std::uint64_t interval_ms = 0;        ///< since the look before this one, or since its start
  std::uint64_t interval_cpu_ms = 0;    ///< processor time in it
  std::uint64_t resident_bytes = 0;     ///< memory of these processes, shared pages counted in each
  std::uint64_t proportional_bytes = 0; ///< likewise, a page that n share as one nth of it
  std::uint64_t guest_memory_bytes = 0; ///< that the guest's kernel manages
  std::uint64_t guest_memory_used_bytes = 0; ///< and cannot give to a program: total - available
  std::uint64_t disk_allocated_bytes = 0;    ///< of the host's disk; the image's own is not counted
  std::uint64_t disk_virtual_bytes = 0;      ///< as the guest sees its disks
  bool has_network = false;                  ///< the two below are known
  std::uint64_t received_bytes = 0;          ///< by the guest, in Ethernet frames, since its start
  std::uint64_t sent_bytes = 0;
  friend bool operator==(const vm_stats&, const vm_stats&) = default;
};

template <class Inspector>
auto inspect(Inspector& f, vm_stats& x) {
  return f(x.id, x.name, x.state, x.at_ms, x.clock_ms, x.uptime_ms, x.vcpu_count, x.memory_mib,
           x.process_count, x.cpu_ms, x.interval_ms, x.interval_cpu_ms, x.resident_bytes,
           x.proportional_bytes, x.guest_memory_bytes, x.guest_memory_used_bytes,
           x.disk_allocated_bytes, x.disk_virtual_bytes, x.has_network, x.received_bytes,
           x.sent_bytes);
}

} // namespace banger
