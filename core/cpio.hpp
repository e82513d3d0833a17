// The "new ASCII" cpio format that the kernel takes as an initramfs (cpio(5), newc). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace banger::core {

inline constexpr std::uint32_t cpio_directory = 0040700;
inline constexpr std::uint32_t cpio_private_file = 0100600;
inline constexpr std::uint32_t cpio_program = 0100755;

struct cpio_entry {
  std::string name; ///< relative, without a leading slash; folders before what is in them
  std::string data;
  std::uint32_t mode = cpio_private_file; ///< type and permission bits, as st_mode
};

/// One whole archive with its trailer, padded to 512 bytes, so that archives can be appended to
/// each other: the kernel unpacks all of them, and later entries win. Everything belongs to root;
/// times are 0.
[[nodiscard]] std::string cpio_archive(const std::vector<cpio_entry>& entries);

} // namespace banger::core
