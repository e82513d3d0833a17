#include "helper/options.hpp"

#include "host/paths.hpp"

#include <charconv>
#include <getopt.h>
#include <string_view>

namespace banger::helper {

namespace {

result<std::uint32_t> parse_uid(std::string_view text) {
  std::uint32_t uid = 0;
  auto read = std::from_chars(text.data(), text.data() + text.size(), uid);
  constexpr std::uint32_t nobody = UINT32_MAX; // chown(2) takes it for "leave it"
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size() || uid == nobody)
    return fail(ec::bad_request, "read --uid", "'" + std::string{text} + "' is not a user id",
                "id -u USER");
  return uid;
}

} // namespace

result<options> parse_options(int argc, char** argv) {
  enum : int { opt_uid = 1, opt_socket, opt_help, opt_version };
  static const option all[] = {{"uid", required_argument, nullptr, opt_uid},
                               {"socket", required_argument, nullptr, opt_socket},
                               {"help", no_argument, nullptr, opt_help},
                               {"version", no_argument, nullptr, opt_version},
                               {nullptr, 0, nullptr, 0}};
  options x;
  auto has_uid = false;
  ::opterr = 0; // one line, ours
  for (int got; (got = ::getopt_long(argc, argv, "", all, nullptr)) != -1;) {
    if (got == opt_uid) {
      auto uid = parse_uid(optarg);
      if (!uid)
        return tl::make_unexpected(uid.error());
      x.owner = *uid;
      has_uid = true;
    } else if (got == opt_socket)
      x.socket = optarg;
    else if (got == opt_help)
      x.wanted = options::what::help;
    else if (got == opt_version)
      x.wanted = options::what::version;
    else
      return fail(ec::bad_request, "read the options",
                  "'" + std::string{argv[optind - 1]} + "' is none, or lacks its value",
                  "banger-helper --help");
  }
  if (optind < argc)
    return fail(ec::bad_request, "read the options", "'" + std::string{argv[optind]} + "' is none",
                "banger-helper --help");
  if (x.wanted == options::what::serve && !has_uid)
    return fail(ec::bad_request, "read the options", "--uid is missing",
                "banger-helper --uid $(id -u USER)");
  if (x.socket.empty())
    x.socket = host::helper_socket(x.owner);
  return x;
}

std::string help_text() {
  return "banger-helper does the few things of banger that need root, for one user: taps, the\n"
         "bridge and its NAT, and device-mapper snapshots. It runs no other programs.\n\n"
         "  banger-helper --uid UID [--socket PATH]\n\n"
         "  --uid UID      the user whose bangerd may ask; root may too\n"
         "  --socket PATH  where to listen (/run/banger-helper/UID.sock); one that systemd passes\n"
         "                 takes its place\n"
         "  --help, --version\n\n"
         "It ends with SIGTERM; taps and disks that VMs use stay.\n"
         "Exit status: 0 told to end, 1 failed, 2 usage.\n";
}

} // namespace banger::helper
