// A network card of the host's that a program holds the other end of. Source: the kernel's
// networking/tuntap.rst.
#pragma once

#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <string>

namespace banger::helper {

/// Makes a tap. It has no addresses, is no bridge's port, and is down. It goes with its last
/// descriptor. With virtio's header before each frame, which is what QEMU wants. Errors:
/// already_exists; missing_program (the kernel has none), failed.
[[nodiscard]] result<host::unique_fd> make_tap(const std::string& name);

} // namespace banger::helper
