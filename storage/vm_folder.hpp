// The folder of one VM:
// VMS/<id>/{root.qcow2 or root.cow,work.ext4,ssh_host_ed25519_key,initrd.cpio,console.log,qemu.log,
// handles.json,*.sock}; in Firecracker root.raw, firecracker.{log,err} and metrics.json in place of
// root.qcow2 and qemu.log. All functions block.
#pragma once

#include "protocol/orders.hpp"
#include "protocol/result.hpp"

#include <string>

namespace banger::storage {

/// Makes the folder, the host key, the root overlay and the work disk; on failure removes what it
/// made.
/// @returns the public host key, "ssh-ed25519 AAAA...". Errors: no_space, missing_program, failed.
[[nodiscard]] result<std::string> make_vm_folder(const make_vm_files& x);

/// Writes initrd.cpio: the image's initramfs and a second archive with what is this VM's own; caps
/// the console's log. Errors: not_found (the image's file), no_space, failed.
[[nodiscard]] result<void> write_boot_archive(const write_boot_files& x);

/// Makes the work disk larger, sparse, with an fsync; never smaller. The guest grows the file
/// system on it when it boots. @pre the VM does not run. Errors: not_found, no_space, failed.
[[nodiscard]] result<void> grow_work_disk(const grow_disk& x);

/// Path of the handles file of a VM's folder.
[[nodiscard]] std::string handles_path(const std::string& directory);

/// Removes what only a running hypervisor needs, and temporary files, from a VM's folder: its
/// daemon may have died with it.
void remove_leftovers(const std::string& directory);

/// How long a console's log may become between two looks at it, in bytes.
inline constexpr std::uint64_t console_cap = 4U << 20;

/// Moves the newest part of a console's log that is longer than console_cap to `<path>.1`, and
/// empties it: a guest must not fill the disk. Errors: no_space, unsafe_path, failed.
[[nodiscard]] result<void> cap_console_log(const std::string& path);

/// A piece of a log, as read_console promises it. Errors: failed. No file: an empty piece.
[[nodiscard]] result<console_chunk> read_log_piece(const read_log& x);

} // namespace banger::storage
