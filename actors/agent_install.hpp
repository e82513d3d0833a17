// AGENT_INSTALL: asks a guest's agent whether it is there, and where nobody answers, or somebody
// who speaks another protocol, copies ours there over SSH and starts it. Nothing that runs is
// touched: it takes over the socket's name, and sessions are processes of their own.
#pragma once

#include "actors/session_wire.hpp"
#include "protocol/actors.hpp"
#include "ssh/ssh_io.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace banger::actors {

/// The agent that comes with the daemon.
struct agent_program {
  std::string path;
  std::string bytes; ///< empty: there is none
};

struct agent_install_spec {
  ssh::ssh_io* io = nullptr;
  ssh::connection_id connection = 0; ///< its owner's; one that is lost ends this, too
  std::string vm_name;
  std::shared_ptr<const agent_program> program;
  events_actor events;
};

enum class install_phase : std::uint8_t { asking, copying, asking_again };

struct agent_install_state {
  static inline const char* name = "agent-install";
  agent_install_spec spec;
  ssh::channel_id channel = 0;
  install_phase phase = install_phase::asking;
  agent_found found = agent_found::ours; ///< by the first asking
  session_wire::reader frames;
  std::string said; ///< by the guest's shell, the last of it
  std::int32_t status = -1;
  std::uint64_t step = 0; ///< names the timer of the phase
  caf::typed_response_promise<agent_ensured> reply;
};

agent_install_actor::behavior_type
agent_install(agent_install_actor::stateful_pointer<agent_install_state> self,
              agent_install_spec spec);

} // namespace banger::actors
