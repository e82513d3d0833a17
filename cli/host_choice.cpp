#include "cli/host_choice.hpp"

#include <algorithm>
#include <array>

namespace banger::cli {

namespace {

/// Whether the names that it takes are of sessions: "VM/NAME".
bool names_sessions(verb x) {
  constexpr std::array all{verb::session_attach, verb::session_send,   verb::session_show,
                           verb::session_logs,   verb::session_wait,   verb::session_stop,
                           verb::session_kill,   verb::session_delete, verb::session_who};
  return std::find(all.begin(), all.end(), x) != all.end();
}

bool names_images(verb x) {
  return x == verb::image_build || x == verb::image_show || x == verb::image_delete;
}

result<void> agree(options& how, const std::string& host) {
  if (!how.at_host.empty() && how.at_host != host)
    return fail(ec::bad_request, "one command is for one host",
                "'" + how.at_host + "' and '" + host + "' are two", "one command for each of them");
  how.at_host = host;
  return {};
}

result<void> take_off(options& how, std::string& ref, long parts) {
  if (std::count(ref.begin(), ref.end(), '/') < parts)
    return {};
  auto [host, rest] = core::split_host(ref);
  if (host.empty())
    return {}; // "/box": whoever reads it says what is wrong
  ref = rest;
  return agree(how, host);
}

} // namespace

result<void> take_hosts_off(options& how) {
  if (names_images(how.what) || how.what == verb::hostkey_verify)
    return {};
  const long parts = names_sessions(how.what) ? 2 : 1;
  for (auto& ref : how.refs)
    if (auto ok = take_off(how, ref, parts); !ok)
      return ok;
  return {};
}

result<void> adapt_to_remote(options& how, bool has_terminal) {
  auto refuse = [](const std::string& what, const std::string& hint) {
    return fail(ec::bad_request, what + " is of this machine only", "", hint);
  };
  if (how.what == verb::vm_ssh) {
    // Through the daemon, for the guest's address is the other machine's own.
    std::string line;
    for (const auto& word : how.command)
      line += (line.empty() ? "" : " ") + word;
    how.command = {"/bin/sh", "-lc", line.empty() ? "exec \"${SHELL:-/bin/sh}\" -l" : line};
    how.has_command = true;
    how.session.is_terminal = has_terminal && line.empty();
    how.what = verb::vm_exec;
  }
  if (how.what == verb::vm_run && !how.has_command)
    return refuse("the shell of vm run", "banger vm create NAME, vm start NAME, vm ssh NAME");
  if (how.what == verb::image_build && !how.recipe.empty())
    return refuse("a recipe's file", "run banger image build there");
  if (how.what == verb::ssh_config || how.what == verb::ssh_proxy)
    return refuse("ssh's configuration", "banger --host HOST vm ssh VM");
  if (how.what == verb::doctor)
    return refuse("doctor", "run banger doctor there");
  if (how.what == verb::daemon_stop)
    return refuse("stopping a daemon", "run banger daemon stop there");
  return {};
}

} // namespace banger::cli
