// What a VM is: the row of the `vms` table. Never a pid, a socket or a device; those are handles.
#pragma once

#include "protocol/values.hpp"

#include <cstdint>
#include <string>

namespace banger {

/// What the user last asked for. The number is the stored value.
enum class wanted_state : std::uint8_t { stopped = 0, running = 1, deleted = 2 };

/// The state a VM last came to rest in. The number is the stored value.
enum class settled_state : std::uint8_t { creating = 0, stopped = 1, running = 2, error = 3 };

struct vm_record {
  std::string id;          ///< 12 hex digits, primary key
  std::string name;        ///< RFC 1123 label, unique
  std::string image;       ///< name of the image it was made from
  std::string image_build; ///< the build its root disk is an overlay of
  std::uint32_t vcpu_count = 1;
  std::uint32_t memory_mib = 512;
  std::uint32_t disk_mib = 8192;
  bool is_isolated = false;
  bool is_ephemeral = false;
  std::string address; ///< that reaches the guest, unique: of the host's loopback, or on the bridge
  std::uint16_t ssh_port = 2222;
  std::string directory;       ///< absolute path of its folder
  std::string host_key_public; ///< "ssh-ed25519 AAAA..."; empty until its files are made
  std::int64_t created_at_ms = 0;
  wanted_state wanted = wanted_state::stopped;
  settled_state settled = settled_state::creating;
  std::string error; ///< why it is in error, or stopped by itself; else empty
  std::string error_stage;
  std::int64_t error_at_ms = 0;
  vm_driver driver = vm_driver::qemu;
  network_kind network = network_kind::user;
  bool has_nat = true; ///< of a tap
  root_disk_kind root_disk = root_disk_kind::overlay;
  std::string owner{};           ///< whose lease it lives by; empty: nobody's
  std::uint64_t owner_token = 0; ///< of the lease it was made by
  friend bool operator==(const vm_record&, const vm_record&) = default;
};

template <class Inspector>
auto inspect(Inspector& f, vm_record& x) {
  return f(x.id, x.name, x.image, x.image_build, x.vcpu_count, x.memory_mib, x.disk_mib,
           x.is_isolated, x.is_ephemeral, x.address, x.ssh_port, x.directory, x.host_key_public,
           x.created_at_ms, x.wanted, x.settled, x.error, x.error_stage, x.error_at_ms, x.driver,
           x.network, x.has_nat, x.root_disk, x.owner, x.owner_token);
}

} // namespace banger
