// EXEC: one command in a guest, for one client. Three streams to the guest's agent, over the VM's
// data port or over SSH: control, stdin with stdout, and stderr; so no shell is involved, nothing
// is quoted and no byte is copied twice. A guest without an agent is given one; where that does not
// work either, the command goes through sshd's shell.
#pragma once

#include "actors/agent_channels.hpp"
#include "core/agent_frames.hpp"
#include "core/unpaid_output.hpp"
#include "protocol/actors.hpp"
#include "ssh/ssh_io.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace banger::actors {

/// Where a command's messages go: its client's session.
using exec_client_actor = caf::typed_actor<caf::reacts_to<exec_started>,      //
                                           caf::reacts_to<exec_output>,       //
                                           caf::reacts_to<exec_input_wanted>, //
                                           caf::reacts_to<exec_ended>>;

struct exec_spec {
  std::uint64_t number = 0; ///< the client's name for it
  open_exec request;
  std::uint32_t input_credit = 0; ///< what the client may send before it hears of more
  guest_way_actor way;
  exec_client_actor client;
};

struct exec_state {
  static inline const char* name = "exec";
  exec_spec spec;
  ssh::ssh_io* io = nullptr; ///< for sshd's shell
  agent_channels* channels = nullptr;
  ssh::connection_id connection = 0;
  ssh::channel_id control = 0; ///< 0: the command runs through sshd's shell
  ssh::channel_id stdio = 0;
  ssh::channel_id errors = 0;
  core::agent::reply_reader replies;
  bool was_mended = false; ///< the guest's agent was looked after; not twice
  std::string early_input; ///< before the word that the command runs; at most the credit
  bool early_end = false;
  bool is_started = false;
  bool has_end = false; ///< exit code or signal are known
  bool is_over = false;
  std::int32_t exit_code = 0;
  std::int32_t signal = 0;
  bool stdio_ended = false;
  bool errors_ended = false;
  std::uint64_t input_base = 0; ///< bytes on the stdio channel that were ours, not the client's
  std::uint64_t input_sent = 0;
  core::unpaid_output unpaid;
  std::vector<exec_output>
      early;                  ///< came before the word that the command runs; at most the credit
  std::uint64_t activity = 0; ///< names the present timer; grows with each piece of output, too
};

exec_actor::behavior_type exec(exec_actor::stateful_pointer<exec_state> self, exec_spec spec,
                               ssh::ssh_io* io, agent_channels* channels);

} // namespace banger::actors
