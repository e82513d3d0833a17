// banger-helper: the part of banger that runs as root. Serves one user over a Unix socket.
#include "helper/options.hpp"
#include "helper/server.hpp"
#include "host/process.hpp"
#include "protocol/version.hpp"

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace banger::helper {

namespace {

constexpr int first_passed = 3; // sd_listen_fds(3): SD_LISTEN_FDS_START

/// The socket that systemd listens at for us; none: an empty one.
result<host::unique_fd> passed_listener() {
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  if (pid == nullptr || count == nullptr || std::string{pid} != std::to_string(::getpid()))
    return host::unique_fd{};
  int type = 0;
  socklen_t size = sizeof type;
  const auto is_one = std::string{count} == "1";
  if (!is_one || ::getsockopt(first_passed, SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
      type != SOCK_SEQPACKET)
    return fail(ec::bad_request, "use the socket of systemd",
                "it must be one, of ListenSequentialPacket=");
  ::fcntl(first_passed, F_SETFD, FD_CLOEXEC);
  ::fcntl(first_passed, F_SETFL, O_NONBLOCK);
  return host::unique_fd{first_passed};
}

/// Listens where the owner, and nobody else, can connect.
result<host::unique_fd> own_listener(const options& x) {
  constexpr mode_t for_all = 0755; // the socket itself is its owner's alone
  auto folder = x.socket.substr(0, x.socket.rfind('/'));
  const auto is_new = !folder.empty() && ::mkdir(folder.c_str(), for_all) == 0;
  if (!folder.empty() && !is_new && errno != EEXIST)
    return fail_errno("make " + folder);
  if (is_new && ::chmod(folder.c_str(), for_all) != 0) // mkdir(2) heeds our umask
    return fail_errno("open " + folder + " to others");
  auto listener = host::listen_packets(x.socket);
  if (listener && ::lchown(x.socket.c_str(), x.owner, static_cast<gid_t>(-1)) != 0)
    return fail_errno("give " + x.socket + " to its user");
  return listener;
}

result<void> serve(const options& x) {
  if (::geteuid() != 0)
    return fail(ec::failed, "start", "it needs root",
                "sudo banger-helper --uid " + std::to_string(x.owner));
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::umask(0077);
  auto listener = passed_listener();
  const auto is_own = listener && !*listener;
  if (is_own)
    listener = own_listener(x);
  if (!listener)
    return tl::make_unexpected(listener.error());
  auto all = server::open(std::move(*listener), x.owner);
  if (!all)
    return tl::make_unexpected(all.error());
  auto done = all->run();
  if (is_own)
    ::unlink(x.socket.c_str());
  return done;
}

int complain(const failure& why, int status) {
  std::fprintf(stderr, "banger-helper: %s\n", to_string(why).c_str());
  if (!why.hint.empty())
    std::fprintf(stderr, "hint: %s\n", why.hint.c_str());
  return status;
}

int run(int argc, char** argv) {
  constexpr int usage = 2;
  auto x = parse_options(argc, argv);
  if (!x)
    return complain(x.error(), usage);
  switch (x->wanted) {
    case options::what::help: std::fputs(help_text().c_str(), stdout); return 0;
    case options::what::version:
      std::printf("banger-helper %s\n", std::string{program_version}.c_str());
      return 0;
    case options::what::serve: break;
  }
  auto done = serve(*x);
  return done ? 0 : complain(done.error(), 1);
}

} // namespace

} // namespace banger::helper

int main(int argc, char** argv) {
  banger::host::open_missing_streams();
  return banger::helper::run(argc, argv);
}
