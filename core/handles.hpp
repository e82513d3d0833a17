// handles.json: what is true of a VM right now. Written before it is relied on; everything in it
// may be stale after a crash or a reboot, and says so by itself.
#pragma once

#include "protocol/result.hpp"
#include "protocol/values.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace banger::core {

/// Names one process for ever: a pid is used again, a pid with its start time in one boot is not.
struct process_identity {
  std::int32_t pid = 0;
  std::uint64_t start_ticks = 0; ///< since boot; proc(5), stat, field 22
  friend bool operator==(const process_identity&, const process_identity&) = default;
};

/// What banger-helper made for it: names only, for the kernel has the rest.
struct host_handles {
  std::string helper_socket; ///< whom to ask
  std::string tap;           ///< "bgr-t0000"; empty: none
  std::string address;       ///< the guest's, of the tap
  std::string disk;          ///< device-mapper's name; empty: none
  friend bool operator==(const host_handles&, const host_handles&) = default;
};

struct vm_handles {
  std::string vm_id;
  std::string directory;
  std::string boot_id;        ///< of the host
  process_identity qemu;      ///< the hypervisor, whichever it is
  process_identity net;       ///< the network helper
  std::string qmp_socket;     ///< QMP's, or that of Firecracker's API
  std::string control_socket; ///< the guest's control port
  std::string accelerator;
  std::int64_t started_at_ms = 0; ///< Unix time
  vm_driver driver = vm_driver::qemu;
  std::optional<host_handles> host;
  friend bool operator==(const vm_handles&, const vm_handles&) = default;
};

/// The hypervisor's end of a VM's data port: always at the same place of its folder.
[[nodiscard]] std::string port_socket(const std::string& directory);

[[nodiscard]] std::string render_handles(const vm_handles& handles);

/// Errors: storage_failed where the text is empty, truncated, or somebody else's; version_mismatch.
[[nodiscard]] result<vm_handles> parse_handles(std::string_view text);

} // namespace banger::core
