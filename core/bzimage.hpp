// Finds the compressed kernel inside a bzImage. Pure. Source: Linux'
// Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header".
#pragma once

#include "protocol/result.hpp"

#include <string>
#include <string_view>

namespace banger::core {

struct kernel_payload {
  std::string_view bytes;   ///< the compressed vmlinux, a view into the image
  std::string decompressor; ///< "lz4", "xz", "zstd" or "gzip": each takes -dc
};

/// Errors: bad_request where it is no bzImage, or compressed by something else.
[[nodiscard]] result<kernel_payload> find_kernel_payload(std::string_view image);

} // namespace banger::core
