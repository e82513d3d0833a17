// Messages between the daemon's own actors about what VMs take and may have. They never cross the
// socket.
#pragma once

#include <cstdint>
#include <string>

namespace banger {

/// What a VM runs with.
struct vm_sizes {
  std::uint32_t vcpu_count = 0;
  std::uint32_t memory_mib = 0;
  std::uint32_t disk_mib = 0; ///< of the work disk
  friend bool operator==(const vm_sizes&, const vm_sizes&) = default;
};

template <class Inspector>
auto inspect(Inspector& f, vm_sizes& x) {
  return f(x.vcpu_count, x.memory_mib, x.disk_mib);
}

/// Request to a machine: how much memory does the guest use? Reply: guest_memory, all 0 where the
/// guest cannot say.
struct get_guest_memory {};

template <class Inspector>
auto inspect(Inspector& f, get_guest_memory&) {
  return f();
}

struct guest_memory {
  std::uint64_t total_bytes = 0;
  std::uint64_t used_bytes = 0;
};

template <class Inspector>
auto inspect(Inspector& f, guest_memory& x) {
  return f(x.total_bytes, x.used_bytes);
}

/// Request: where can the running VM of this name be reached? No id and no start of one is a name.
/// Reply: guest_found.
struct find_guest {
  std::string name;
};

template <class Inspector>
auto inspect(Inspector& f, find_guest& x) {
  return f(x.name);
}

struct guest_found {
  std::string address; ///< empty: there is none, or it does not run
};

template <class Inspector>
auto inspect(Inspector& f, guest_found& x) {
  return f(x.address);
}

/// Request to vm_files: grow the work disk of a VM that does not run; one that is as large already
/// is left alone. Reply: done, once it is on disk. Errors: not_found, no_space, failed.
struct grow_disk {
  std::string directory;
  std::uint32_t disk_mib = 0;
};

template <class Inspector>
auto inspect(Inspector& f, grow_disk& x) {
  return f(x.directory, x.disk_mib);
}

/// Request to vm_files: what do the processes and disks of a VM take? Reply: vm_usage. Errors:
/// none: what cannot be read is 0.
struct measure_vm {
  std::string vm_id;
  std::string directory;
  bool is_running = false;
};

template <class Inspector>
auto inspect(Inspector& f, measure_vm& x) {
  return f(x.vm_id, x.directory, x.is_running);
}

/// As the fields of the same names of vm_stats.
struct vm_usage {
  std::int64_t clock_ms = 0;
  std::uint32_t process_count = 0;
  std::uint64_t cpu_ms = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t proportional_bytes = 0;
  std::uint64_t disk_allocated_bytes = 0;
  std::uint64_t disk_virtual_bytes = 0;
  bool has_network = false;
  std::uint64_t received_bytes = 0;
  std::uint64_t sent_bytes = 0;
};

template <class Inspector>
auto inspect(Inspector& f, vm_usage& x) {
  return f(x.clock_ms, x.process_count, x.cpu_ms, x.resident_bytes, x.proportional_bytes,
           x.disk_allocated_bytes, x.disk_virtual_bytes, x.has_network, x.received_bytes,
           x.sent_bytes);
}

} // namespace banger
