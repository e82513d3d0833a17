// bangerd: start-up and shutdown in order; everything else is in the actors.
#include "actors/events.hpp"
#include "daemon/detach.hpp"
#include "daemon/node.hpp"
#include "daemon/options.hpp"
#include "daemon/startup.hpp"
#include "host/files.hpp"
#include "host/lock_file.hpp"
#include "host/log.hpp"
#include "host/process.hpp"
#include "host/unix_socket.hpp"
#include "protocol/version.hpp"
#include "ssh/known_hosts_file.hpp"
#include "storage/event_log.hpp"
#include "storage/image_catalog.hpp"
#include "storage/migrations.hpp"
#include "storage/owner_records.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace banger::daemon {

namespace {

std::string to_line(const failure& why) {
  auto line = "bangerd: " + to_string(why);
  return why.hint.empty() ? line : line + "\nhint: " + why.hint;
}

/// From the actors to main: end, for a part of us has failed.
constexpr int part_failed = SIGUSR1;
constexpr int exit_software = 70; // sysexits(3)

void raise_fd_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

/// Signals are taken by sigwait in main alone. Done before any thread is started, which all inherit
/// it.
sigset_t block_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t handled;
  sigemptyset(&handled);
  for (auto signal : {SIGTERM, SIGINT, SIGHUP, part_failed})
    sigaddset(&handled, signal);
  ::pthread_sigmask(SIG_BLOCK, &handled, nullptr);
  return handled;
}

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

/// A detached daemon whose lock another one holds waits until that one accepts connections, and is
/// then not needed, or has ended. @returns no descriptor where not needed
result<host::unique_fd> take_place(const host::paths& where, bool is_detached) {
  return take_lock_in_time(where.lock, is_detached ? 200 : 0,
                           "a daemon runs already: banger daemon status",
                           [&] { return is_detached && host::connect_unix(where.socket); });
}

/// The socket's lock is beside the socket, which can be anywhere: two daemons on one state folder
/// would take each other's VMs for strays. One that ends gives up the socket a moment before this.
result<host::unique_fd> take_state(const host::paths& where) {
  return take_lock_in_time(where.state + "/bangerd.lock", 40,
                           "another daemon uses " + where.state +
                               "; give this one an XDG_STATE_HOME of its own",
                           [] { return false; });
}

/// Says what a start would do to the database, and does nothing.
int check_migrations(const host::paths& where) {
  auto version = storage::database::read_schema_version(where.database);
  if (!version) {
    std::fprintf(stderr, "%s\n", to_line(version.error()).c_str());
    return 1;
  }
  auto newest = storage::newest_migration();
  std::printf("%s: schema %d, newest %d: %s\n", where.database.c_str(), *version, newest,
              *version == newest ? "up to date" : "the next start brings it up to date");
  return 0;
}

std::vector<std::string> used_builds(const std::vector<actors::known_vm>& known) {
  std::vector<std::string> used;
  for (const auto& x : known)
    used.push_back(x.record.image + "/" + x.record.image_build);
  return used;
}

result<node_parts> prepare(const host::paths& where, const options& how) {
  node_parts parts;
  parts.where = where;
  parts.programs = find_companions();
  auto config = read_config(where, how);
  parts.dns = std::move(config.dns);
  parts.listen = std::move(config.listen);
  if (how.listen)
    if (auto ok = check_address(*how.listen); !ok)
      return tl::make_unexpected(ok.error());
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
  parts.on_stop_request = [] { ::kill(::getpid(), SIGTERM); };
  parts.on_service_failed = [](const std::string& why) {
    host::log_error(why + "; the daemon ends, and the next command starts another one");
    ::kill(::getpid(), part_failed);
  };
  return parts;
}

int serve(const host::paths& where, const options& how, const host::unique_fd& channel) {
  auto give_up = [&](const failure& why) {
    host::log_error(to_string(why));
    report_failure(channel, to_line(why));
    return 1;
  };
  if (auto ok = host::make_private_directory(where.runtime); !ok)
    return give_up(ok.error());
  auto lock = take_place(where, how.is_detached);
  if (!lock)
    return give_up(lock.error());
  if (!*lock) {
    report_ready(channel);
    return 0;
  }
  if (auto ok = prepare_folders(where); !ok)
    return give_up(ok.error());
  auto state_lock = take_state(where);
  if (!state_lock)
    return give_up(state_lock.error());
  if (auto ok = host::open_log(where.log, how.log_level); !ok)
    return give_up(ok.error());
  auto handled = block_signals();
  auto parts = prepare(where, how);
  if (!parts)
    return give_up(parts.error());
  auto serving = node::start(std::move(*parts));
  if (!serving)
    return give_up(serving.error());
  host::log_info("bangerd " + std::string{program_version} + " serves " + where.socket);
  report_ready(channel);
  const_cast<host::unique_fd&>(channel).reset();
  int signal = 0;
  while (::sigwait(&handled, &signal) == 0 && signal == SIGHUP) {
  }
  host::log_info("bangerd ends; VMs go on running");
  (*serving)->stop(signal == part_failed ? exit_software : 0);
  serving->reset();
  state_lock->reset();
  host::remove_file(where.lock);
  return signal == part_failed ? exit_software : 0;
}

int run(int argc, char** argv) {
  host::open_missing_streams();
  options how;
  int status = 0;
  if (!parse_options(argc, argv, how, status))
    return status;
  ::umask(077);
  auto where = host::resolve_paths(host::process_environment(), ::geteuid());
  if (!where) {
    std::fprintf(stderr, "%s\n", to_line(where.error()).c_str());
    return 2;
  }
  if (how.checks_migrations)
    return check_migrations(*where);
  if (how.listen) {
    auto ok = check_certificates(find_companions(), *read_config(*where, how).listen);
    if (!ok) {
      std::fprintf(stderr, "%s\n", to_line(ok.error()).c_str());
      return 2;
    }
  }
  raise_fd_limit();
  host::unique_fd channel;
  if (how.is_detached) {
    auto detached = detach();
    if (!detached) {
      std::fprintf(stderr, "%s\n", to_line(detached.error()).c_str());
      return 1;
    }
    channel = std::move(*detached);
  }
  return serve(*where, how, channel);
}

} // namespace

} // namespace banger::daemon

int main(int argc, char** argv) {
  return banger::daemon::run(argc, argv);
}
