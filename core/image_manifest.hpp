// manifest.json of an image: what one build made. Pure text in, value out.
#pragma once

#include "protocol/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace banger::core {

struct image_manifest {
  std::string name;
  std::string suite;
  std::string init; ///< "banger" or "systemd"
  std::string kernel_version;
  std::string cmdline_extra; ///< kernel arguments this image needs
  std::string root_file;     ///< name inside the build's folder
  std::string root_format;   ///< "raw" or "qcow2"
  std::uint64_t root_virtual_bytes = 0;
  std::int64_t created_at_ms = 0; ///< Unix time
  std::uint32_t package_count = 0;
};

/// Errors: storage_failed, naming the field that is missing or of another type; version_mismatch
/// for a format newer than this program.
[[nodiscard]] result<image_manifest> parse_image_manifest(std::string_view text);

} // namespace banger::core
