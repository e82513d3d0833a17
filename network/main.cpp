// banger-net: the user-mode network of one VM, as a process beside QEMU. Ends when QEMU does.
#include "network/slirp_loop.hpp"

#include "protocol/version.hpp"

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <sys/prctl.h>
#include <unistd.h>

namespace banger::network {

namespace {

struct options {
  std::string vm; ///< the VM's folder; only so that it shows among the process's arguments
  int fd = -1;
  int ready_fd = -1;
  std::vector<std::string> forwards;
  bool is_isolated = false;
};

void tell(int fd, const std::string& line) {
  if (fd < 0)
    return;
  (void)!::write(fd, line.data(), line.size());
  ::close(fd);
}

result<void> serve(const options& how) {
  network_options net;
  net.is_isolated = how.is_isolated;
  for (const auto& text : how.forwards) {
    auto rule = core::parse_forward_rule(text);
    if (!rule)
      return tl::make_unexpected(rule.error());
    net.forwards.push_back(*rule);
  }
  slirp_loop loop{host::unique_fd{how.fd}};
  if (auto ok = loop.start(net); !ok) {
    tell(how.ready_fd, "error " + to_string(ok.error()) + "\n");
    return ok;
  }
  tell(how.ready_fd, "ok\n");
  return loop.run();
}

int run(int argc, char** argv) {
  options how;
  CLI::App app{"banger-net is the user-mode network of one VM; bangerd starts it."};
  app.set_version_flag("--version", "banger-net " + std::string{program_version});
  app.add_option("--vm", how.vm, "folder of the VM this belongs to");
  app.add_option("--fd", how.fd, "stream socket to QEMU")->required();
  app.add_option("--ready-fd", how.ready_fd,
                 "say 'ok' or 'error ...' here once the forwards are bound");
  app.add_option("--forward", how.forwards, "ADDRESS:PORT=GUESTPORT on the host");
  app.add_flag("--isolated", how.is_isolated, "no way out for the guest");
  CLI11_PARSE(app, argc, argv);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  std::signal(SIGPIPE, SIG_IGN);
  auto ok = serve(how);
  if (!ok)
    std::fprintf(stderr, "banger-net: %s\n", to_string(ok.error()).c_str());
  return ok ? 0 : 1;
}

} // namespace

} // namespace banger::network

int main(int argc, char** argv) {
  return banger::network::run(argc, argv);
}
