// A network card of the host's that a program holds the other end of. Source: the kernel's
// networking/tuntap.rst.
#pragma once

#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <cstdint>
#include <string>

namespace banger::helper {

/// Makes a tap. It has no addresses, is no bridge's port, and is down. It goes with its last
/// descriptor. With virtio's header before each frame, which is what QEMU wants. Errors:
/// already_exists; missing_program (the kernel has none), failed.
[[nodiscard]] result<host::unique_fd> make_tap(const std::string& name);

/// Has a tap stay when its last descriptor is closed, for this user, and nobody else, to open by
/// its name. Errors: failed; then it goes with its descriptor still.
[[nodiscard]] result<void> keep_for_user(const host::unique_fd& tap, std::uint32_t user);

} // namespace banger::helper
