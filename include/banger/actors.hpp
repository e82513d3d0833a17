// libbanger's actor half, for programs on CAF 0.17.6: a host is a typed actor (host_actor in
// protocol/actors.hpp), of a daemon on this or another machine, or of a whole host that runs in
// your own actor system. You ask it with requests, which all have replies; what happens meanwhile
// (stages, events, output) comes as messages to the client_actor that you give. Monitor the handle
// to learn at once that its host is gone.
//
//   caf::actor_system_config config;
//   banger::prepare(config);
//   caf::actor_system system{config};
//   auto host = banger::connect(system, listener);
//   self->request(*host, 10s, banger::list_vms{}).then(...);
//
// A failure travels as caf::error; banger::to_failure (protocol/caf_error.hpp) makes the
// banger::failure out of it. When the client_actor ends, the host ends what it ran for it; sessions
// and VMs go on.
#pragma once

#include "banger/client.hpp"
#include "protocol/actors.hpp"
#include "protocol/caf_error.hpp"
#include "protocol/result.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <functional>
#include <memory>
#include <string>

namespace banger {

/// Makes banger's messages known to a config, and CAF's network over Unix sockets: no TCP port is
/// opened. Once, before the system is made. It also sets CAF's node id anew, for containers would
/// share one, and its application identifier unless you have set one.
void prepare(caf::actor_system_config& config);

/// Connects to a daemon. Blocks up to the timeout: call it outside of actors. @param client  who is
/// told what happens, by messages whose sender is the handle; none: nobody. @pre prepare() made the
/// system's config. Errors: unreachable, timed_out, version_mismatch, bad_request, missing_program.
[[nodiscard]] result<host_actor> connect(caf::actor_system& system, const client_actor& client,
                                         const client::connect_options& how = {});

struct embedding_options {
  /// Where everything of the host is kept (database, VMs, images, keys, socket), a path of at most
  /// 80 bytes; made where it is not there. Empty: where this user's daemon keeps it, which then
  /// cannot run beside.
  std::string folder{};
  /// A part that cannot be started anew has failed: nothing can be done with this host any more.
  /// From any thread; must not block.
  std::function<void(const std::string& why)> on_failure{};
  /// A client of its socket asks it to end (`banger daemon stop`). As above; none: refused.
  std::function<void()> on_stop_request{};
};

/// A whole host in this process: what `bangerd` is, with the same folders, locks and recovery, but
/// in your actor system. It serves its Unix socket as well, so `banger` finds it. Ignore SIGPIPE in
/// a program that has one.
class embedded_host {
public:
  /// Brings what was there before to rest, as a daemon that starts does. Blocks for that time. @pre
  /// prepare() made the system's config, and the system outlives this. Errors: already_exists where
  /// a daemon or another program uses the folder; all that bangerd may say.
  [[nodiscard]] static result<embedded_host> start(caf::actor_system& system,
                                                   const embedding_options& how = {});

  /// The handle of one client. Blocks for a moment. @param client  as of connect()
  [[nodiscard]] result<host_actor> open(const client_actor& client);

  /// Of its socket, for BANGER_SOCKET.
  [[nodiscard]] const std::string& socket() const;

  embedded_host(embedded_host&& other) noexcept;
  embedded_host& operator=(embedded_host&& other) noexcept;

  /// Ends it, and not its VMs and sessions: the next host of this folder, or bangerd, adopts them.
  ~embedded_host();

private:
  struct parts;
  explicit embedded_host(std::unique_ptr<parts> x);
  std::unique_ptr<parts> parts_;
};

} // namespace banger
