// GUEST_SESSION: one command that goes on in a guest. Talks to the guest's agent over one channel
// for its end, its input and its signals, and over one for each group of readers for its output
// (core/session_output.hpp). A channel that breaks is opened anew where it was; a client never
// notices.
#pragma once

#include "actors/agent_channels.hpp"
#include "actors/session_wire.hpp"
#include "actors/shared_output.hpp"
#include "actors/vm.hpp"
#include "core/session_input.hpp"
#include "core/session_output.hpp"
#include "protocol/actors.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace banger::actors {

struct guest_session_spec {
  session_record record;
  std::string vm_name;
  vm_actor owner;
  std::shared_ptr<const vm_context> context;
  bool is_new = false; ///< its launch_session comes next
};

/// A channel to the agent. `id` is 0 where there is none.
struct agent_channel {
  ssh::channel_id id = 0;
  bool has_spoken = false; ///< the agent has
  bool owes_word = false;  ///< something was sent that it answers, sooner or later
  session_wire::reader frames;
};

/// A channel that reads the journal.
struct session_feed {
  core::source_id source = 0;
  bool has_spoken = false;
  bool owes_word = false;
  session_wire::reader frames;
};

struct session_attach_state {
  attach_session request;
  attach_client_actor client;
  caf::actor_addr owner; ///< whose end is its end
  std::int64_t since_ms = 0;
  caf::typed_response_promise<session_attached> joining; ///< until it is known where it begins
  caf::typed_response_promise<session_detached> leaving; ///< until its input is taken
  bool is_leaving = false;
  std::uint64_t input_bytes = 0;
  std::uint64_t resized = 0; ///< the greater, the later
  bool was_told_exclusive = false;
};

struct session_waiter {
  std::int64_t until_ms = 0; ///< Unix time
  std::string what;          ///< "stop", for the error
  caf::typed_response_promise<session_info> reply;
};

struct guest_session_state {
  static inline const char* name = "guest-session";

  static constexpr std::uint64_t ring_bytes = 1U << 20;
  static constexpr std::uint64_t rest_bytes = 32U << 10;
  static constexpr std::uint64_t credit_step = 64U << 10;
  static constexpr std::size_t input_under_way = 64U << 10; ///< docs/sessions.md says why
  static constexpr std::size_t input_piece = 32U << 10;

  guest_session_spec spec;
  agent_channels* channels = nullptr;

  // The guest.
  guest_way_actor link; ///< none: the VM does not run
  ssh::connection_id connection = 0;
  bool is_connecting = false;
  bool is_mending = false;       ///< somebody looks after the agent, which did not answer
  bool was_launch_tried = false; ///< once more, then
  bool was_version_mended = false;
  bool may_have_started = false; ///< the agent hung up over the launch
  bool was_cut = false; ///< the connection broke, and the clients have not heard yet how it went on
  agent_channel control;
  agent_channel launching;
  agent_channel removing;
  std::vector<std::string> for_control; ///< frames that wait for it
  std::map<ssh::channel_id, session_feed> feeds;

  // The clients.
  std::map<std::uint64_t, session_attach_state> attaches;
  std::uint64_t last_attach = 0;
  std::uint64_t last_resize = 0;
  core::session_output<output_piece> output{ring_bytes, rest_bytes, credit_step};
  core::session_input input{input_under_way, input_piece};
  bool is_input_closed = false;
  bool is_removed = false; ///< nothing of it is left in the guest
  window_size shown;
  std::vector<session_waiter> waiters;
  caf::typed_response_promise<session_info> launched;
  std::vector<caf::typed_response_promise<session_info>> deleting;

  // Clocks: a tick of an older number is ignored.
  std::uint64_t last_step = 0;
  std::uint64_t reconnect_step = 0;
  std::uint64_t kill_step = 0;
  std::uint64_t launch_step = 0;
  std::uint64_t silence_step = 0;
  std::uint64_t turn_step = 0;
  std::uint64_t expire_step = 0;
};

using guest_session_pointer = guest_session_actor::stateful_pointer<guest_session_state>;

guest_session_actor::behavior_type guest_session(guest_session_pointer self,
                                                 guest_session_spec spec, agent_channels* channels);

} // namespace banger::actors
