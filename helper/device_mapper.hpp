// The kernel's device-mapper, by its ioctls: no text of a tool's is parsed. Source:
// linux/dm-ioctl.h.
#pragma once

#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace banger::helper {

struct target {
  std::string kind; ///< "snapshot"
  std::string arguments;
  std::uint64_t sectors = 0;
};

class device_mapper {
public:
  /// Errors: missing_program (the kernel has none), failed.
  [[nodiscard]] static result<device_mapper> open();

  /// Makes a device of one target, opens it, and has the kernel remove it when its last descriptor
  /// is closed. On failure nothing is left. Errors: already_exists, missing_program (no such
  /// target), failed.
  [[nodiscard]] result<host::unique_fd> make(const std::string& name, const target& what) const;

  /// Removes a device; none: fine. Errors: busy (somebody has it open), failed.
  [[nodiscard]] result<void> remove(const std::string& name) const;

  /// What the device's one target says of itself. Errors: not_found, failed.
  [[nodiscard]] result<std::string> status(const std::string& name) const;

  /// Names of all devices. Errors: failed.
  [[nodiscard]] result<std::vector<std::string>> list() const;

  /// Whether the device is there, and has no user. Errors: failed.
  [[nodiscard]] result<bool> is_unused(const std::string& name) const;

private:
  explicit device_mapper(host::unique_fd control) : control_(std::move(control)) {}
  [[nodiscard]] result<std::uint64_t> create(const std::string& name) const;
  [[nodiscard]] result<void> load(const std::string& name, const target& what) const;
  [[nodiscard]] result<void> resume(const std::string& name) const;
  [[nodiscard]] result<void> remove_after_use(const std::string& name) const;
  host::unique_fd control_;
};

} // namespace banger::helper
