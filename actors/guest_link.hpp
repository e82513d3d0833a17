// GUEST_LINK: the one SSH connection of a running VM. Connects on request, checks the host key
// before anything is authenticated, and connects again when it is asked after a loss.
#pragma once

#include "protocol/actors.hpp"
#include "protocol/vm_record.hpp"
#include "ssh/ssh_io.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace banger::actors {

/// What every link works with.
struct link_context {
  ssh::ssh_io* io = nullptr; ///< outlives all actors; its calls never block
  known_hosts_actor known_hosts;
  std::shared_ptr<const ssh::private_key> key;
  vm_actor owner; ///< hears of refused host keys
  /// Makes one that gives the guest of this name an agent.
  std::function<agent_install_actor(ssh::connection_id, const std::string&)> make_install;
};

enum class link_phase : std::uint8_t { down, asking_algorithms, connecting, up };

struct link_waiter {
  std::int64_t until_ms = 0;
  caf::typed_response_promise<guest_connected> reply;
};

struct guest_link_state {
  static inline const char* name = "guest-link";
  link_context context;
  std::string vm_name;
  std::string address;
  std::uint16_t port = 0;
  std::string seeded_key; ///< "ssh-ed25519 AAAA..."; empty where the guest brings its own
  link_phase phase = link_phase::down;
  ssh::connection_id connection = 0;
  std::uint64_t attempt = 0; ///< grows with each try; names its timers
  failure last{ec::none, {}, {}, {}};
  std::vector<link_waiter> waiters;
  ssh::connection_id probe = 0; ///< a second connection, only to verify the host key
  std::vector<caf::typed_response_promise<done>> probers;
  std::vector<caf::typed_response_promise<agent_ensured>> ensurers; ///< all hear of one try
};

guest_link_actor::behavior_type
guest_link(guest_link_actor::stateful_pointer<guest_link_state> self, link_context context,
           vm_record record);

} // namespace banger::actors
