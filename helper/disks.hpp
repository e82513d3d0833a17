// Root disks of VMs as snapshots of an image: two loop devices and a device-mapper device each.
// Every part is held by the one above it, and the last by whoever has its descriptor: when that is
// closed, in whatever way, the kernel removes all of it in the right order.
#pragma once

#include "core/snapshot_disk.hpp"
#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <cstdint>
#include <string>

namespace banger::helper {

class disks {
public:
  /// @param owner  user id whose disks may be touched
  explicit disks(std::uint32_t owner) : owner_(owner) {}

  /// Makes the disk. Nothing is written to the image. On failure nothing is left.
  /// @param image    a regular file, open for reading
  /// @param changes  a regular file, open for both; all zeros, or what it was the last time
  /// Errors: bad_request (other descriptors), already_exists, missing_program, no_space, failed.
  [[nodiscard]] result<host::unique_fd> attach(const std::string& vm_id, int image,
                                               int changes) const;

  /// Makes the disk as attach does, for a program of the owner's that opens its node in /dev. The
  /// node goes with the device. Errors: as attach.
  [[nodiscard]] result<host::unique_fd> lend(const std::string& vm_id, int image,
                                             int changes) const;

  /// Errors: not_found, missing_program, failed.
  [[nodiscard]] result<core::snapshot_state> look(const std::string& vm_id) const;

  /// None: fine. Errors: busy, while somebody has it open; failed.
  [[nodiscard]] result<void> release(const std::string& vm_id) const;

  /// Removes disks that nobody has open: we were killed while we made them. Errors: failed.
  [[nodiscard]] result<void> release_unused() const;

  /// Errors: failed. 0 without device-mapper.
  [[nodiscard]] result<std::uint32_t> count() const;

private:
  std::uint32_t owner_;
};

} // namespace banger::helper
