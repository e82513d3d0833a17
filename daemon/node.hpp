// The actor system of one daemon, wired. The only place where actors are made for good.
#pragma once

#include "daemon/startup.hpp"
#include "host/paths.hpp"
#include "protocol/actors.hpp"
#include "protocol/result.hpp"

#include <caf/fwd.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace banger::daemon {

/// All that node needs from start-up.
struct node_parts {
  host::paths where;
  companions programs;
  login_key key;
  std::unique_ptr<storage::database> database;
  std::vector<actors::known_vm> known;
  event_page events; ///< the newest on disk
  std::string host_id;
  std::vector<owner_record> owners;
  dns_plan dns;
  std::optional<core::tls_relay_plan> listen; ///< for other machines
  std::uint32_t cleared = 0;                  ///< processes and folders of no VM that were found
  /// A client asked the daemon to end; must not block. None: that is not a client's to say.
  std::function<void()> on_stop_request;
  /// A part that cannot be started anew has failed: the daemon is to end. Must not block.
  std::function<void(const std::string& why)> on_service_failed;
  /// Where a part hangs at the end, the process ends with this status. None: it is waited for.
  std::optional<int> status_of_hang;
};

/// Runs the actors; ends them, and not the VMs, when destroyed.
class node {
public:
  /// Spawns everything and listens. @pre the system's config was made by add_network, and it lives
  /// longer. Errors: failed, with what CAF says.
  [[nodiscard]] static result<std::unique_ptr<node>> start(caf::actor_system& system,
                                                           node_parts parts);

  /// Ends as the destructor does, but with this exit status of the whole process where a part
  /// hangs.
  void stop(int status_of_hang);

  /// Where a client that is an actor of this system begins.
  [[nodiscard]] gateway_actor gateway() const;

  /// Ordered: clients first, the store last.
  ~node();
  node(const node&) = delete;

private:
  class running;
  explicit node(std::shared_ptr<running> x);
  std::shared_ptr<running> running_; ///< also of actors that have not ended yet
};

} // namespace banger::daemon
