// All that stands before the actors can be made: this host's places, its locks, and what the disk
// says. Blocks.
#pragma once

#include "daemon/node.hpp"
#include "daemon/startup.hpp"
#include "host/paths.hpp"
#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

namespace banger::daemon {

/// What keeps two from serving one host.
struct host_locks {
  host::unique_fd
      place; ///< beside the socket. None: another daemon serves, and this one is not needed
  host::unique_fd state; ///< in the state folder
};

/// Makes this host's folders and takes its locks. @param waits_for_other  a daemon whose place
/// another one holds waits until that one accepts connections, and is then not needed, or has
/// ended. Errors: already_exists, unsafe_path.
[[nodiscard]] result<host_locks> take_locks(const host::paths& where, bool waits_for_other);

/// Reads all that a node needs, and clears what nobody knows away. Only for one who has the locks.
[[nodiscard]] result<node_parts> prepare(const host::paths& where, companions programs,
                                         config_plan config);

} // namespace banger::daemon
