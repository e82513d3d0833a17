// TLS_RELAY: banger-tls as a child of the daemon, which takes connections from other machines and
// carries them to the daemon's socket. Started again when it ends, at longer and longer pauses;
// what it says goes to the log.
#pragma once

#include "core/line_buffer.hpp"
#include "core/tls_relay_plan.hpp"
#include "host/process.hpp"
#include "protocol/actors.hpp"
#include "transport/fd_watch.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <string>

namespace banger::actors {

using tls_relay_actor = fd_watcher_actor::extend<describes_itself, caf::reacts_to<step_due>>;

struct tls_relay_context {
  std::string program; ///< banger-tls
  core::tls_relay_plan plan;
  std::string socket; ///< the daemon's
};

/// Something that it writes to.
struct relay_output {
  host::unique_fd pipe;
  transport::fd_watch watch;
  core::line_buffer lines;
};

struct tls_relay_state {
  static inline const char* name = "tls_relay";
  tls_relay_context context;
  host::child process;
  transport::fd_watch process_watch;
  relay_output words;    ///< where it listens
  relay_output mistakes; ///< for the log
  std::string place;     ///< empty: it does not listen
  std::int64_t since_ms = 0;
  std::uint32_t ends_in_a_row = 0;
  std::uint32_t restarts = 0;
  std::string last_line; ///< of its mistakes, since it was started
  std::string last_error;
  bool is_ending = false; ///< we are
};

/// Begins with the first step_due, and ends when the relay has.
tls_relay_actor::behavior_type tls_relay(tls_relay_actor::stateful_pointer<tls_relay_state> self,
                                         tls_relay_context context);

} // namespace banger::actors
