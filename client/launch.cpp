#include "client/launch.hpp"

#include "host/process.hpp"

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <unistd.h>

namespace banger::client {

namespace {

result<std::string> find_daemon() {
  if (const char* given = std::getenv("BANGER_DAEMON"); given != nullptr && *given == '/')
    return std::string{given};
  char self[PATH_MAX];
  auto n = ::readlink("/proc/self/exe", self, sizeof self);
  std::string folder{self, static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
  folder = folder.substr(0, folder.rfind('/'));
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

result<void> start_daemon(milliseconds timeout) {
  auto program = find_daemon();
  if (!program)
    return tl::make_unexpected(program.error());
  host::spawn_request spawn;
  spawn.argv = {*program, "--detach"};
  auto ended = host::run_to_end_blocking(spawn, static_cast<int>(timeout.count()));
  if (!ended)
    return tl::make_unexpected(ended.error());
  if (ended->wait_status != 0)
    return tl::make_unexpected(start_failure(ended->output));
  return {};
}

} // namespace

result<connection> connect_or_start(const host::paths& where, const launch_options& how) {
  auto deadline = clock::now() + how.timeout;
  auto left = [&] {
    return std::max(std::chrono::duration_cast<milliseconds>(deadline - clock::now()),
                    milliseconds{1});
  };
  auto link = connection::open(where.socket, left());
  if (link || link.error().code != ec::unreachable)
    return link;
  if (!how.may_start) {
    auto why = link.error();
    why.what = "no daemon runs";
    why.hint = "banger daemon start";
    return tl::make_unexpected(why);
  }
  if (auto ok = start_daemon(left()); !ok)
    return tl::make_unexpected(ok.error());
  // A daemon that is just ending may have answered the first time; give the new one a moment.
  for (;;) {
    link = connection::open(where.socket, left());
    if (link || link.error().code != ec::unreachable || clock::now() >= deadline)
      return link;
    constexpr useconds_t pause_us = 20'000;
    ::usleep(pause_us);
  }
}

} // namespace banger::client
