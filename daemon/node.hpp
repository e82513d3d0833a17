// The actor system of one daemon, wired. The only place where actors are made for good.
#pragma once

#include "daemon/startup.hpp"
#include "host/paths.hpp"
#include "protocol/result.hpp"

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
  std::function<void()> on_stop_request;      ///< a client asked the daemon to end; must not block
  /// A part that cannot be started anew has failed: the daemon is to end. Must not block.
  std::function<void(const std::string& why)> on_service_failed;
};

/// Runs the actors; ends them, and not the VMs, when destroyed.
class node {
public:
  /// Spawns everything and listens. Errors: failed, with what CAF says.
  [[nodiscard]] static result<std::unique_ptr<node>> start(node_parts parts);

  /// Ends as the destructor does, but with this exit status of the whole process where a part
  /// hangs.
  void stop(int status_of_hang);

  /// Ordered: clients first, the store last. A part that hangs is given up after some seconds.
  ~node();
  node(const node&) = delete;

private:
  class running;
  explicit node(std::unique_ptr<running> x);
  std::unique_ptr<running> running_;
};

} // namespace banger::daemon
