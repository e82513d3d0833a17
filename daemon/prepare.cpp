#include "daemon/prepare.hpp"

#include "actors/events.hpp"
#include "host/files.hpp"
#include "host/lock_file.hpp"
#include "host/log.hpp"
#include "host/unix_socket.hpp"
#include "ssh/known_hosts_file.hpp"
#include "storage/event_log.hpp"
#include "storage/image_catalog.hpp"
#include "storage/owner_records.hpp"

#include <chrono>
#include <functional>
#include <thread>
#include <utility>

namespace banger::daemon {

namespace {

/// Tries for 50 ms times `most_tries` to take a lock that another daemon holds. @returns no
/// descriptor where `is_served` says that ours is not needed
result<host::unique_fd> take_lock_in_time(const std::string& path, int most_tries,
                                          const std::string& hint,
                                          const std::function<bool()>& is_served) {
  using namespace std::chrono_literals;
  for (int tries = 0;; ++tries) {
    auto lock = host::take_lock(path);
    if (lock || lock.error().code != ec::already_exists)
      return lock;
    if (is_served())
      return host::unique_fd{};
    if (tries == most_tries) {
      auto why = lock.error();
      why.hint = hint;
      return tl::make_unexpected(why);
    }
    std::this_thread::sleep_for(50ms);
  }
}

std::vector<std::string> used_builds(const std::vector<actors::known_vm>& known) {
  std::vector<std::string> used;
  for (const auto& x : known)
    used.push_back(x.record.image + "/" + x.record.image_build);
  return used;
}

result<host::unique_fd> take_place(const host::paths& where, bool waits_for_other) {
  return take_lock_in_time(where.lock, waits_for_other ? 200 : 0,
                           "a daemon runs already: banger daemon status",
                           [&] { return waits_for_other && host::connect_unix(where.socket); });
}

/// The socket's lock is beside the socket, which can be anywhere: two daemons on one state folder
/// would take each other's VMs for strays. One that ends gives up the socket a moment before this.
result<host::unique_fd> take_state(const host::paths& where) {
  return take_lock_in_time(where.state + "/bangerd.lock", 40,
                           "another daemon uses " + where.state +
                               "; give this one an XDG_STATE_HOME of its own",
                           [] { return false; });
}

} // namespace

result<host_locks> take_locks(const host::paths& where, bool waits_for_other) {
  if (auto ok = host::make_private_directory(where.runtime); !ok)
    return tl::make_unexpected(ok.error());
  auto place = take_place(where, waits_for_other);
  if (!place)
    return tl::make_unexpected(place.error());
  if (!*place)
    return host_locks{};
  if (auto ok = prepare_folders(where); !ok)
    return tl::make_unexpected(ok.error());
  auto state = take_state(where);
  if (!state)
    return tl::make_unexpected(state.error());
  return host_locks{std::move(*place), std::move(*state)};
}

result<node_parts> prepare(const host::paths& where, companions programs, config_plan config) {
  node_parts parts;
  parts.where = where;
  parts.programs = std::move(programs);
  parts.dns = std::move(config.dns);
  parts.listen = std::move(config.listen);
  auto key = prepare_key(where);
  if (!key)
    return tl::make_unexpected(key.error());
  parts.key = std::move(*key);
  ssh::known_hosts_file pins{where.known_hosts};
  if (auto ok = pins.prepare(); !ok)
    return tl::make_unexpected(ok.error());
  auto db = storage::database::open(where.database);
  if (!db)
    return tl::make_unexpected(db.error());
  parts.database = std::move(*db);
  auto id = storage::host_id(*parts.database);
  if (!id)
    return tl::make_unexpected(id.error());
  parts.host_id = std::move(*id);
  auto owners = storage::load_owners(*parts.database);
  if (!owners)
    return tl::make_unexpected(owners.error());
  parts.owners = std::move(*owners);
  auto events = storage::load_newest_events(*parts.database, actors::events_in_memory);
  if (!events)
    return tl::make_unexpected(events.error());
  parts.events = std::move(*events);
  auto known = load_known_vms(where, *parts.database);
  if (!known)
    return tl::make_unexpected(known.error());
  for (const auto& line : clear_what_nobody_knows(where, *known)) {
    host::log_warning(line);
    ++parts.cleared;
  }
  parts.known = std::move(known->vms);
  storage::image_catalog{where.images}.prune(used_builds(parts.known));
  return parts;
}

} // namespace banger::daemon
