// Loop devices: files as block devices. Source: loop(4).
#pragma once

#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <string>

namespace banger::helper {

/// A loop device, held open. It is detached by the kernel when its last holder closes it: that
/// is its count of references.
struct loop_device {
  std::string path; ///< "/dev/loop3"
  host::unique_fd fd;
};

/// Attaches a file of changes, for one holder. Errors: missing_program (the kernel has no loop
/// devices), no_space, failed.
[[nodiscard]] result<loop_device> attach_loop(int file);

/// The read-only device of an image: one for all that use this file, made by the first. Errors: as
/// attach_loop.
[[nodiscard]] result<loop_device> share_loop(int file);

} // namespace banger::helper
