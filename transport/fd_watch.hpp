// Readiness of any pollable file descriptor (a pidfd, a socket, a pipe) as an actor message, on
// CAF's own network thread: no thread of its own, no polling.
#pragma once

#include "protocol/actors.hpp"

#include <caf/actor_system.hpp>
#include <caf/intrusive_ptr.hpp>

#include <cstdint>
#include <memory>

namespace banger::transport {

class fd_watch_handler;

/// Watches one descriptor for reading. One-shot: after an fd_ready{tag} nothing more comes until
/// arm() is called again, so an actor that is busy is not flooded. Owns a duplicate of the
/// descriptor; ends the watch when destroyed. Callable from the owner actor only.
class fd_watch {
public:
  fd_watch();

  /// Watches `fd` for `whom`, armed. The handle is weak: a watch does not keep an actor alive. A
  /// descriptor that is not open (a process that ended before it was connected to) is never ready.
  fd_watch(caf::actor_system& system, int fd, const fd_watcher_actor& whom, std::int32_t tag);

  fd_watch(fd_watch&& other) noexcept;
  fd_watch& operator=(fd_watch&& other) noexcept;
  fd_watch(const fd_watch&) = delete;
  ~fd_watch();

  /// Asks for the next fd_ready.
  void arm();

  /// Ends the watch. No fd_ready comes after those already in the mailbox.
  void stop();

private:
  caf::intrusive_ptr<fd_watch_handler> handler_;
};

} // namespace banger::transport
