// KNOWN_HOSTS: banger's known_hosts file. The only writer of it in the daemon; real ssh clients may
// append to the same file at any time. Detached: it syncs to disk.
#pragma once

#include "protocol/actors.hpp"
#include "ssh/known_hosts_file.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <string>

namespace banger::actors {

struct known_hosts_state {
  static inline const char* name = "known-hosts";
  std::string path;
  ssh::known_hosts_file file{std::string{}};
};

known_hosts_actor::behavior_type
known_hosts(known_hosts_actor::stateful_pointer<known_hosts_state> self, std::string path);

} // namespace banger::actors
