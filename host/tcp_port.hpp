// TCP ports of the host.
#pragma once

#include <cstdint>
#include <string>

namespace banger::host {

/// True if nobody listens at this address and port now. Only a hint: somebody may a moment later.
/// Does not block.
[[nodiscard]] bool is_port_free(const std::string& address, std::uint16_t port);

} // namespace banger::host
