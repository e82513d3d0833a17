// banger-net: the user-mode network of one VM, as a process beside its hypervisor. Ends when that
// does.
//
//   banger-net --vm DIR --fd N --forward ADDRESS:PORT=GUESTPORT [--forward ...] [--isolated]
//              [--counters FILE] [--ready-fd M]
//   banger-net --vm DIR --process N --vsock PATH --forward ADDRESS:PORT=GUESTPORT [--forward ...]
//              [--ready-fd M]
//
// The first is a whole network, for QEMU at the other end of the socket N. The second is a way in
// only, through the virtual socket of a Firecracker whose pidfd is N.
//
// Standard output is never written to. On --ready-fd comes one line: "ok", once all forwards are
// bound, or "error " and why.
#include "network/slirp_loop.hpp"
#include "network/vsock_loop.hpp"

#include "core/forward_rule.hpp"
#include "host/unique_fd.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <getopt.h>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <unistd.h>

namespace banger::network {

namespace {

constexpr int first_fd = STDERR_FILENO + 1;

struct arguments {
  int fd = -1; ///< of --fd or --process
  int ready_fd = -1;
  std::string counters; ///< path; empty: nobody counts
  bool is_process = false;
  std::string vsock; ///< path; given with --process
  network_options network;
};

result<int> parse_fd(const char* option, std::string_view text) {
  int fd = -1;
  auto end = text.data() + text.size();
  auto parsed = std::from_chars(text.data(), end, fd);
  if (parsed.ec != std::errc{} || parsed.ptr != end || fd < first_fd)
    return fail(ec::bad_request, std::string{"read "} + option,
                "'" + std::string{text} + "' is not a descriptor from 3 on");
  return fd;
}

/// Reads on after a mistake: `out.ready_fd` is where to say it.
result<void> parse_arguments(int argc, char** argv, arguments& out) {
  enum : int {
    opt_vm = 1,
    opt_fd,
    opt_ready_fd,
    opt_forward,
    opt_isolated,
    opt_process,
    opt_vsock,
    opt_counters
  };
  static const option options[] = {{"vm", required_argument, nullptr, opt_vm},
                                   {"fd", required_argument, nullptr, opt_fd},
                                   {"ready-fd", required_argument, nullptr, opt_ready_fd},
                                   {"forward", required_argument, nullptr, opt_forward},
                                   {"isolated", no_argument, nullptr, opt_isolated},
                                   {"counters", required_argument, nullptr, opt_counters},
                                   {"process", required_argument, nullptr, opt_process},
                                   {"vsock", required_argument, nullptr, opt_vsock},
                                   {nullptr, 0, nullptr, 0}};
  result<void> first_mistake;
  auto keep = [&](auto parsed, auto&& store) {
    if (parsed)
      store(std::move(*parsed));
    else if (first_mistake)
      first_mistake = tl::make_unexpected(std::move(parsed.error()));
  };
  for (int got; (got = ::getopt_long(argc, argv, "", options, nullptr)) != -1;) {
    if (got == opt_fd || got == opt_process)
      keep(parse_fd(got == opt_fd ? "--fd" : "--process", optarg), [&](int fd) {
        out.fd = fd;
        out.is_process = got == opt_process;
      });
    else if (got == opt_vsock)
      out.vsock = optarg;
    else if (got == opt_ready_fd)
      keep(parse_fd("--ready-fd", optarg), [&](int fd) { out.ready_fd = fd; });
    else if (got == opt_forward)
      keep(core::parse_forward_rule(optarg),
           [&](core::forward_rule rule) { out.network.forwards.push_back(std::move(rule)); });
    else if (got == opt_isolated)
      out.network.is_isolated = true;
    else if (got == opt_counters)
      out.counters = optarg;
    else if (got != opt_vm && first_mistake) // --vm only shows whose process this is
      first_mistake = fail(ec::bad_request, "read the arguments", "getopt_long(3) refused one");
  }
  if (first_mistake && optind < argc)
    first_mistake = fail(ec::bad_request, "read the arguments",
                         "'" + std::string{argv[optind]} + "' is not an option");
  if (first_mistake && (out.fd < 0 || out.fd == out.ready_fd))
    first_mistake =
        fail(ec::bad_request, "read the arguments", "--fd is missing, or the same as --ready-fd");
  if (first_mistake && out.is_process == out.vsock.empty())
    first_mistake =
        fail(ec::bad_request, "read the arguments", "--process and --vsock go together");
  return first_mistake;
}

/// A guest's traffic is handled here, so nothing of whoever started us may be in reach.
/// @param a, b  the two to keep; -1 is none
void close_other_fds(int a, int b) {
  auto close_between = [](int after, int before) {
    if (after + 1 < before)
      ::close_range(static_cast<unsigned>(after + 1), static_cast<unsigned>(before - 1), 0);
  };
  auto low = std::max(std::min(a, b), STDERR_FILENO);
  auto high = std::max({a, b, STDERR_FILENO});
  close_between(STDERR_FILENO, low);
  close_between(low, high);
  ::close_range(static_cast<unsigned>(high + 1), UINT_MAX, 0);
}

/// Writes the line and closes `fd`; -1 is nobody.
void report(host::unique_fd fd, std::string line) {
  if (!fd)
    return;
  std::replace(line.begin(), line.end(), '\n', ' ');
  line += '\n';
  if (::write(fd.get(), line.data(), line.size()) < 0)
    std::fprintf(stderr, "banger-net: write to --ready-fd: %s\n", std::strerror(errno));
}

void end_quietly(int) {
  ::_exit(0);
}

void prepare_process(const arguments& x) {
  close_other_fds(x.fd, x.ready_fd);
  ::prctl(PR_SET_NAME, "banger-net", 0, 0, 0);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGTERM, end_quietly);
}

result<void> serve(int argc, char** argv) {
  arguments args;
  auto parsed = parse_arguments(argc, argv, args);
  prepare_process(args);
  host::unique_fd ready{args.ready_fd};
  auto give_up = [&](result<void> failed) {
    report(std::move(ready), "error " + to_string(failed.error()));
    return failed;
  };
  if (!parsed)
    return give_up(std::move(parsed));
  auto run = [&](auto&& loop, const auto& how) {
    if (auto ok = loop.start(how); !ok)
      return give_up(std::move(ok));
    report(std::move(ready), "ok");
    return loop.run();
  };
  if (args.is_process)
    return run(vsock_loop{host::unique_fd{args.fd}, args.vsock}, args.network.forwards);
  counter_page counters;
  if (!args.counters.empty()) {
    if (auto opened = counter_page::open(args.counters))
      counters = std::move(*opened);
    else // a network that nobody counts is better than none
      std::fprintf(stderr, "banger-net: %s\n", to_string(opened.error()).c_str());
  }
  return run(slirp_loop{host::unique_fd{args.fd}, std::move(counters)}, args.network);
}

} // namespace

} // namespace banger::network

int main(int argc, char** argv) {
  auto ok = banger::network::serve(argc, argv);
  if (!ok)
    std::fprintf(stderr, "banger-net: %s\n", to_string(ok.error()).c_str());
  return ok ? 0 : 1;
}
