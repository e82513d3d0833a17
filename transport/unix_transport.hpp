// CAF's network layer over a Unix socket: a middleman actor of our own whose `open` binds a path
// and whose `connect` dials one, with a guard in front of the protocol. No TCP port is ever opened.
//
// Why a module of our own: stock CAF 0.17.6 asks the socket for its TCP port and aborts on AF_UNIX,
// computes the same node id in two containers, keeps half-open connections for ever, and trusts
// every byte a peer sends. Each is dealt with here; none needs a change to the library.
#pragma once

#include "core/basp_guard.hpp"
#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman_actor.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace banger::transport {

struct unix_options {
  core::basp_limits limits;          ///< of what clients say
  core::basp_limits dialled_limits;  ///< of what those say that we connect to
  std::size_t max_connections = 512; ///< open connections; more are closed at once
  std::chrono::milliseconds handshake_timeout{5000};
  bool may_listen = true; ///< false: `open` is refused
};

/// What passed and what did not since the start.
struct unix_counters {
  std::size_t open = 0;
  std::size_t accepted = 0;
  std::size_t refused = 0;    ///< foreign user, or too many
  std::size_t violations = 0; ///< closed by the guard
  std::size_t late = 0;       ///< closed for want of a handshake
};

/// Loads the module into `config`. Call it after `config.load<caf::io::middleman>()`, once per
/// config.
void load_unix_transport(caf::actor_system_config& config, unix_options options);

/// The middleman actor that takes `publish` and `connect` requests with paths for hosts.
/// @pre load_unix_transport was called on the system's config.
[[nodiscard]] const caf::io::middleman_actor& unix_middleman(caf::actor_system& system);

/// Takes CAF's actor that spawns others for remote nodes away: any of them could ask it for more
/// than we offer, and the answer that it gives to a new node is none that the guard lets through.
void refuse_remote_spawns(caf::actor_system& system);

/// A name to `connect` to that stands for a connected Unix socket, once: it is the transport's
/// then. No two are the same, for CAF answers a name that it knows with the connection it has.
[[nodiscard]] std::string descriptor_name(host::unique_fd socket);

/// Housekeeping, on the network thread: closes connections that have not shaken hands in time, and
/// drops what CAF keeps for each node that is gone (1.3 kB a client). Call it every few seconds.
void sweep_connections(caf::actor_system& system);

[[nodiscard]] unix_counters read_counters(caf::actor_system& system);

} // namespace banger::transport
