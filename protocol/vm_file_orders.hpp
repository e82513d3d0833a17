// Messages to the actors that keep a VM's files; none of them crosses the socket.
#pragma once

#include "protocol/values.hpp"

#include <cstdint>
#include <string>

namespace banger {

/// Request: make the VM's folder, host key, root overlay and work disk. Reply: vm_files_made. On
/// failure nothing is left. Errors: no_space, missing_program, failed.
struct make_vm_files {
  std::string directory;
  std::string name;
  std::string root_path;   ///< the image's root disk
  std::string root_format; ///< "raw" or "qcow2"
  std::uint32_t disk_mib = 0;
  bool is_root_raw = false; ///< a copy of the image's disk, not an overlay of it
  root_disk_kind root_disk = root_disk_kind::overlay;
  std::string helper_socket; ///< of a VM that needs banger-helper: it must answer; else empty
};

template <class Inspector>
auto inspect(Inspector& f, make_vm_files& x) {
  return f(x.directory, x.name, x.root_path, x.root_format, x.disk_mib, x.is_root_raw, x.root_disk,
           x.helper_socket);
}

struct vm_files_made {
  std::string host_key_public; ///< "ssh-ed25519 AAAA..."
};

template <class Inspector>
auto inspect(Inspector& f, vm_files_made& x) {
  return f(x.host_key_public);
}

/// Request: write the initramfs of the next boot, cap the console's log, and grow the work disk
/// where it is to be larger. Reply: done.
struct write_boot_files {
  std::string directory;
  std::string name;
  std::string base_initrd;
  std::string authorized_key;
  std::uint32_t disk_mib = 0;
  std::string more_modules{};    ///< an archive of those its hypervisor's devices need; empty: none
  std::string bridged_address{}; ///< of a guest with a tap; else empty
};

template <class Inspector>
auto inspect(Inspector& f, write_boot_files& x) {
  return f(x.directory, x.name, x.base_initrd, x.authorized_key, x.disk_mib, x.more_modules,
           x.bridged_address);
}

/// Request: record what is true now. Empty text: nothing is, and banger-helper is to release what
/// the old handles name. Reply: done, once it is on disk. Errors: busy (a device is in use),
/// failed.
struct write_handles {
  std::string directory;
  std::string text;
};

template <class Inspector>
auto inspect(Inspector& f, write_handles& x) {
  return f(x.directory, x.text);
}

/// Request: remove the folder and all in it. Reply: done, also where there is none.
struct remove_vm_files {
  std::string directory;
};

template <class Inspector>
auto inspect(Inspector& f, remove_vm_files& x) {
  return f(x.directory);
}

/// Request: cut a log that has grown too long; its newest part is kept beside it. Reply: done.
struct cap_console {
  std::string path;
};

template <class Inspector>
auto inspect(Inspector& f, cap_console& x) {
  return f(x.path);
}

/// Request: read a piece of a log. Reply: console_chunk.
struct read_log {
  std::string path;
  std::uint64_t offset = 0;
  std::uint32_t max_bytes = 0;
  bool is_from_end = false;
};

template <class Inspector>
auto inspect(Inspector& f, read_log& x) {
  return f(x.path, x.offset, x.max_bytes, x.is_from_end);
}

/// Request: a running VM's tap reaches other networks from now on, or no more. Reply: done. Errors:
/// missing_program (no banger-helper), not_found, timed_out, failed.
struct switch_nat {
  std::string directory;
  bool has_nat = false;
};

template <class Inspector>
auto inspect(Inspector& f, switch_nat& x) {
  return f(x.directory, x.has_nat);
}

/// Request: how full is the root disk's file of changes? Reply: root_disk_health. Errors:
/// not_found, failed, timed_out.
struct look_at_root_disk {
  std::string directory;
};

template <class Inspector>
auto inspect(Inspector& f, look_at_root_disk& x) {
  return f(x.directory);
}

struct root_disk_health {
  std::string warning; ///< what a user is to hear; empty: nothing
};

template <class Inspector>
auto inspect(Inspector& f, root_disk_health& x) {
  return f(x.warning);
}

} // namespace banger
