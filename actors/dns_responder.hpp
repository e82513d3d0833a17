// DNS_RESPONDER: answers who asks for "NAME.vm" at a loopback address, by what the supervisor knows
// at that moment. What to say is decided in core/dns_message.
#pragma once

#include "actors/guard.hpp"
#include "core/deadlines.hpp"
#include "host/dns_sockets.hpp"
#include "protocol/actors.hpp"
#include "transport/fd_watch.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace banger::actors {

/// One who asks over TCP.
struct dns_connection {
  host::unique_fd socket;
  transport::fd_watch watch;
  std::string unread; ///< the begin of a message
  std::int64_t heard_at_ms = 0;
  std::uint32_t waiting = 0; ///< answers that are still looked up
  bool is_paused = false;    ///< not read from until one of these has come
  bool is_ended = false;     ///< it sends no more; the answers still go to it
};

struct dns_responder_state {
  static inline const char* name = "dns_responder";
  // First: CAF would make a state out of its actor's pointer, if the first of its members took one.
  std::shared_ptr<const host::dns_sockets> sockets;
  supervisor_actor supervisor;
  transport::fd_watch udp_watch;
  transport::fd_watch tcp_watch;
  std::map<std::int32_t, dns_connection> connections; ///< by the tag of their watch
  std::int32_t last_tag = 0;
  std::uint32_t waiting = 0; ///< answers over UDP that are still looked up
  bool is_paused = false;    ///< likewise
  bool is_sweep_due = false;
  std::uint64_t asked = 0;
  crash_record crashes;

  /// Lets go of all that was under way.
  void begin_anew();
};

dns_responder_actor::behavior_type
dns_responder(dns_responder_actor::stateful_pointer<dns_responder_state> self,
              supervisor_actor supervisor, std::shared_ptr<const host::dns_sockets> sockets);

} // namespace banger::actors
