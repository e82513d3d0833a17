// All that stands before the actors can be made: this host's places, its locks, and what the disk
// says. Blocks.
#pragma once

#include "daemon/node.hpp"
#include "daemon/startup.hpp"
#include "host/paths.hpp"
#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

namespace banger::daemon {

/// Takes the lock beside the socket. @param waits_for_other  a daemon whose lock another one holds
/// waits until that one accepts connections, and is then not needed, or has ended. @returns no
/// descriptor where not needed. Errors: already_exists.
[[nodiscard]] result<host::unique_fd> take_place(const host::paths& where, bool waits_for_other);

/// The socket's lock is beside the socket, which can be anywhere: two daemons on one state folder
/// would take each other's VMs for strays. One that ends gives up the socket a moment before this.
/// Errors: already_exists.
[[nodiscard]] result<host::unique_fd> take_state(const host::paths& where);

/// Reads all that a node needs, and clears what nobody knows away. Only for one who has both locks.
[[nodiscard]] result<node_parts> prepare(const host::paths& where, companions programs,
                                         config_plan config);

} // namespace banger::daemon
