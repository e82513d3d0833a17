// bangerd: start-up and shutdown in order; everything else is in the actors.
#include "daemon/actor_config.hpp"
#include "daemon/detach.hpp"
#include "daemon/node.hpp"
#include "daemon/options.hpp"
#include "daemon/prepare.hpp"
#include "daemon/startup.hpp"
#include "host/files.hpp"
#include "host/log.hpp"
#include "host/process.hpp"
#include "protocol/version.hpp"
#include "storage/migrations.hpp"

#include <caf/actor_system.hpp>

#include <csignal>
#include <cstdio>
#include <memory>
#include <sys/resource.h>
#include <sys/stat.h>
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

/// As a process of its own: it can be ended, and ends where it cannot go on.
result<node_parts> prepare_process(const host::paths& where, const options& how) {
  if (how.listen)
    if (auto ok = check_address(*how.listen); !ok)
      return tl::make_unexpected(ok.error());
  auto parts = prepare(where, find_companions(host::own_program()), read_config(where, how));
  if (!parts)
    return parts;
  parts->on_stop_request = [] { ::kill(::getpid(), SIGTERM); };
  parts->on_service_failed = [](const std::string& why) {
    host::log_error(why + "; the daemon ends, and the next command starts another one");
    ::kill(::getpid(), part_failed);
  };
  parts->status_of_hang = 0;
  return parts;
}

int serve(const host::paths& where, const options& how, const host::unique_fd& channel) {
  auto give_up = [&](const failure& why) {
    host::log_error(to_string(why));
    report_failure(channel, to_line(why));
    return 1;
  };
  auto locks = take_locks(where, how.is_detached);
  if (!locks)
    return give_up(locks.error());
  if (!locks->place) {
    report_ready(channel);
    return 0;
  }
  if (auto ok = host::open_log(where.log, how.log_level); !ok)
    return give_up(ok.error());
  auto handled = block_signals();
  auto parts = prepare_process(where, how);
  if (!parts)
    return give_up(parts.error());
  actor_config config;
  auto system = std::make_unique<caf::actor_system>(config);
  auto serving = node::start(*system, std::move(*parts));
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
  system.reset(); // with the last actors: what follows lets another daemon begin
  locks->state.reset();
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
    auto ok =
        check_certificates(find_companions(host::own_program()), *read_config(*where, how).listen);
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
