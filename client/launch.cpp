#include "client/launch.hpp"

#include "host/files.hpp"
#include "host/lock_file.hpp"
#include "host/process.hpp"
#include "host/unix_socket.hpp"
#include "protocol/requests.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <unistd.h>

namespace banger::client {

namespace {

result<std::string> find_daemon() {
  if (const char* given = std::getenv("BANGER_DAEMON"); given != nullptr && *given == '/')
    return std::string{given};
  const auto self = host::own_program();
  const auto folder = self.substr(0, self.rfind('/'));
  if (auto found = host::find_program("bangerd", folder + ":" + host::search_path()))
    return *found;
  return fail(ec::missing_program, "start the daemon",
              "bangerd is neither beside banger nor in PATH", "set BANGER_DAEMON to its path");
}

/// What bangerd wrote before it gave up: "bangerd: <what>: <why>", and perhaps "hint: ...".
failure start_failure(std::string_view text) {
  constexpr std::string_view name = "bangerd: ", hint = "\nhint: ";
  failure x{ec::unreachable, "start the daemon", {}, {}};
  auto end_of = [](std::string_view rest) { return rest.substr(0, rest.find('\n')); };
  if (auto at = text.find(hint); at != std::string_view::npos)
    x.hint = end_of(text.substr(at + hint.size()));
  x.why = end_of(text.starts_with(name) ? text.substr(name.size()) : text);
  return x;
}

/// Of clients that all miss the daemon at the same moment, as those do that were attached when it
/// was killed, one starts it: a daemon that finds another one there has loaded its libraries first.
class start_turn {
public:
  explicit start_turn(const host::paths& where) : path_(where.socket + ".start") {
    if (host::make_private_directory(where.runtime)) // else bangerd says what is wrong
      lock_ = host::take_lock(path_);
  }
  ~start_turn() {
    if (lock_ && *lock_)
      host::remove_file(path_);
  }
  start_turn(const start_turn&) = delete;
  start_turn& operator=(const start_turn&) = delete;

  [[nodiscard]] bool is_of_another() const {
    return !lock_ && lock_.error().code == ec::already_exists;
  }

private:
  std::string path_;
  result<host::unique_fd> lock_ = fail(ec::failed, "take a turn", "", "");
};

result<void> start_daemon(milliseconds timeout) {
  auto program = find_daemon();
  if (!program)
    return tl::make_unexpected(program.error());
  host::spawn_request spawn;
  spawn.argv = {*program, "--detach"};
  auto ended = host::run_to_end_blocking(spawn, static_cast<int>(timeout.count()));
  if (!ended)
    return tl::make_unexpected(ended.error());
  if (ended->wait_status == 0)
    return {};
  auto why = start_failure(ended->output);
  if (why.why.empty())
    why.why = *program + " " + host::describe_wait_status(ended->wait_status) + " and said nothing";
  return tl::make_unexpected(why);
}

/// The process that listens at a socket; none where nobody does.
host::unique_fd hold_server(const std::string& socket) {
  auto fd = host::connect_unix(socket);
  if (!fd)
    return {};
  auto peer = host::peer_of(fd->get());
  if (!peer || peer->pid <= 0)
    return {};
  auto process = host::open_pidfd(peer->pid);
  return process ? std::move(*process) : host::unique_fd{};
}

result<void> ask_to_stop(const host::paths& where, const host::unique_fd& process,
                         milliseconds timeout) {
  auto link = connection::open(where.socket, timeout);
  if (link) {
    auto ok = link->ask<done>(banger::stop_daemon{}, timeout);
    if (!ok && ok.error().code != ec::unreachable)
      return tl::make_unexpected(ok.error());
    return {};
  }
  if (link.error().code == ec::unreachable)
    return {}; // it ends already
  if (link.error().code != ec::version_mismatch)
    return tl::make_unexpected(link.error());
  host::signal_process(process, SIGTERM);
  return {};
}

} // namespace

result<connection> connect_or_start(const host::paths& where, const launch_options& how) {
  auto deadline = clock::now() + how.timeout;
  auto left = [&] {
    return std::max(std::chrono::duration_cast<milliseconds>(deadline - clock::now()),
                    milliseconds{1});
  };
  if (!where.way.empty())
    return connection::open_through(where.way, where.host, how.timeout);
  auto link = connection::open(where.socket, left());
  if (link || link.error().code != ec::unreachable)
    return link;
  if (!how.may_start) {
    auto why = link.error();
    why.what = "no daemon runs";
    why.hint = "banger daemon start";
    return tl::make_unexpected(why);
  }
  // A daemon that was just ending may have answered, or held the lock: so more than once.
  for (;;) {
    {
      const start_turn turn{where};
      link = connection::open(where.socket, left()); // another client may have been before us
      if (!turn.is_of_another() && !link && link.error().code == ec::unreachable) {
        if (auto ok = start_daemon(left()); !ok)
          return tl::make_unexpected(ok.error());
        link = connection::open(where.socket, left());
      }
    }
    if (link || link.error().code != ec::unreachable || clock::now() >= deadline)
      return link;
    constexpr useconds_t pause_us = 2'000;
    ::usleep(pause_us);
  }
}

result<bool> stop_daemon(const host::paths& where, milliseconds timeout) {
  auto deadline = clock::now() + timeout;
  auto process = hold_server(where.socket);
  if (!process)
    return false;
  if (auto ok = ask_to_stop(where, process, timeout); !ok)
    return tl::make_unexpected(ok.error());
  const auto left = std::chrono::ceil<milliseconds>(deadline - clock::now()).count();
  if (!host::ends_within(process, static_cast<int>(left)))
    return fail(ec::timed_out, "stop the daemon", "its process does not end",
                "its number is in " + where.lock + "; VMs go on running when it is killed");
  return true;
}

} // namespace banger::client
