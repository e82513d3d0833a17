// CLIENT_LINK: one client of a host, as the host sees it: says hello, hands on what the host tells,
// and ends with the client, the host, or the way between them.
#pragma once

#include "client/carrier.hpp"
#include "protocol/actors.hpp"
#include "protocol/result.hpp"

#include <caf/actor_system.hpp>

#include <chrono>
#include <optional>

namespace banger::embed {

/// Says hello to a host, here or at the end of a connection, and waits for its answer. Blocks.
/// @param carrier  what the connection goes through, which ends with it
/// Errors: timed_out, version_mismatch, and what the gateway says.
[[nodiscard]] result<host_actor> open_link(caf::actor_system& system, const gateway_actor& gateway,
                                           const client_actor& client,
                                           std::optional<client::carrier> carrier,
                                           std::chrono::milliseconds timeout);

} // namespace banger::embed
