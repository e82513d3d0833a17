// KNOWN_HOSTS: banger's known_hosts file. The only writer of it in the daemon; real ssh clients may
// append to the same file at any time, and ssh-keygen may replace it. It watches the folder, so
// that nothing of theirs is lost between its own requests. Detached: it syncs to disk.
#pragma once

#include "actors/guard.hpp"
#include "host/folder_watch.hpp"
#include "protocol/actors.hpp"
#include "ssh/known_hosts_file.hpp"
#include "transport/fd_watch.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace banger::actors {

struct known_hosts_state {
  static inline const char* name = "known-hosts";
  std::string path;
  ssh::known_hosts_file file{std::string{}};
  std::size_t compact_above = 0;
  std::optional<host::folder_watch> folder; // nothing: looked at now and then instead
  transport::fd_watch changes;
  bool is_look_due = false; // a step_due is on its way
  std::string last_trouble; // of a look; so that the log gets each once
  crash_record crashes;

  void begin_anew();
};

/// @param compact_above  bytes of removed lines from which on the file is rewritten without them
known_hosts_actor::behavior_type
known_hosts(known_hosts_actor::stateful_pointer<known_hosts_state> self, std::string path,
            std::size_t compact_above);

} // namespace banger::actors
