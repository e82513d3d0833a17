// banger-tls: the daemon's protocol between machines. See options.cpp for its commands; it is a
// process of its own, so that what strangers send never reaches the daemon's.
#include "core/exit_code.hpp"
#include "host/process.hpp"
#include "tls/cert_command.hpp"
#include "tls/options.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace banger::tls {

namespace {

/// One line: what, why, and what to do.
int report(const failure& why) {
  std::fprintf(stderr, "banger-tls: %s%s\n", to_string(why).c_str(),
               why.hint.empty() ? "" : ("; " + why.hint).c_str());
  return why.code == ec::unsafe_path ? core::exit_usage : core::exit_code(why.code);
}

/// A key of ours is in our memory.
void keep_to_ourselves() {
  const rlimit none{0, 0};
  (void)::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  std::signal(SIGPIPE, SIG_IGN);
}

/// Two sockets for each who is in, and some.
void raise_fd_limit() {
  rlimit limit{};
  constexpr rlim_t wanted = 1'024;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
    return;
  limit.rlim_cur = std::min(limit.rlim_max, wanted);
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

result<host::unique_fd> watch_signals() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);
  host::unique_fd fd{::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK)};
  if (!fd)
    return fail_errno("watch for signals");
  return fd;
}

/// Ends with its parent, also where that is killed; where it has ended already, now.
result<host::unique_fd> follow_parent(pid_t parent) {
  const auto seen = ::getppid();
  ::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
  if ((parent != 0 && seen != parent) || ::getppid() != seen)
    return fail(ec::failed, "start", "whoever started us has ended");
  // The signal comes with the thread that started us; this with the process.
  return parent == 0 ? result<host::unique_fd>{} : host::open_pidfd(parent);
}

int listen(const listen_command& x) {
  if (x.checks) {
    auto by = load_credentials(x.how.folder, end_kind::server);
    return by ? core::exit_ok : report(by.error());
  }
  auto signals = watch_signals();
  if (!signals)
    return report(signals.error());
  auto parent = follow_parent(x.parent);
  if (!parent)
    return report(parent.error());
  raise_fd_limit();
  auto made = listener::open(x.how);
  if (!made)
    return report(made.error());
  std::printf("listening %s\n", made->place().c_str());
  std::fflush(stdout);
  std::vector<int> ends{signals->get()};
  if (*parent)
    ends.push_back(parent->get());
  auto ok = made->run(ends);
  return ok ? core::exit_ok : report(ok.error());
}

int run(const std::vector<std::string>& arguments) {
  keep_to_ourselves();
  auto what = parse_command(arguments);
  if (!what)
    return report(what.error());
  if (const auto* help = std::get_if<help_command>(&*what)) {
    std::fputs(help->text.c_str(), stdout);
    return core::exit_ok;
  }
  if (const auto* listening = std::get_if<listen_command>(&*what))
    return listen(*listening);
  if (const auto* connecting = std::get_if<connect_options>(&*what)) {
    auto ok = connect_and_carry(*connecting);
    return ok ? core::exit_ok : report(ok.error());
  }
  return run_cert(std::get<cert_options>(*what));
}

} // namespace

} // namespace banger::tls

int main(int argc, char** argv) {
  banger::host::open_missing_streams();
  ::umask(077);
  return banger::tls::run({argv + 1, argv + argc});
}
