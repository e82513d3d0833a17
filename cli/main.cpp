// The banger command.
#include "cli/attach_stream.hpp"
#include "cli/commands.hpp"
#include "cli/host_choice.hpp"
#include "cli/options.hpp"
#include "cli/session.hpp"
#include "cli/terminal.hpp"
#include "client/hosts.hpp"
#include "client/launch.hpp"
#include "core/exit_code.hpp"
#include "host/process.hpp"

#include <csignal>
#include <string_view>
#include <unistd.h>

namespace banger::cli {

namespace {

int run_connected(client::connection link, const host::paths& where, const options& how) {
  switch (how.what) {
    case verb::vm_run: return vm_run(std::move(link), where, how);
    case verb::vm_create: return vm_create(std::move(link), how);
    case verb::vm_start:
    case verb::vm_stop:
    case verb::vm_restart:
    case verb::vm_kill:
    case verb::vm_delete: return vm_change(std::move(link), where, how);
    case verb::vm_list: return vm_list_all(std::move(link), how);
    case verb::vm_show: return vm_show(std::move(link), how);
    case verb::vm_exec: return vm_exec(std::move(link), where, how);
    case verb::vm_copy: return vm_copy(std::move(link), how);
    case verb::vm_ssh: return vm_ssh(std::move(link), how);
    case verb::vm_logs: return vm_logs(std::move(link), how);
    case verb::vm_wait: return vm_wait(std::move(link), how);
    case verb::vm_why: return vm_why(std::move(link), how);
    case verb::vm_stats: return vm_stats_of(std::move(link), how);
    case verb::vm_set: return vm_set(std::move(link), how);
    case verb::vm_ports: return vm_ports(std::move(link), how);
    case verb::vm_port_forward: return vm_port_forward(std::move(link), how);
    case verb::session_start: return session_start(std::move(link), where, how);
    case verb::session_attach: return session_attach(std::move(link), where, how);
    case verb::session_send: return session_send(std::move(link), how);
    case verb::session_list: return session_list_all(std::move(link), how);
    case verb::session_logs: return session_logs(std::move(link), where, how);
    case verb::session_wait: return session_wait(std::move(link), how);
    case verb::session_who: return session_who(std::move(link), how);
    case verb::session_show:
    case verb::session_stop:
    case verb::session_kill:
    case verb::session_delete: return session_change(std::move(link), how);
    case verb::workspace_prepare: return workspace_prepare(std::move(link), where, how);
    case verb::workspace_export: return workspace_export(std::move(link), how);
    case verb::workspace_status: return workspace_status(std::move(link), where, how);
    case verb::workspace_sync: return workspace_sync(std::move(link), where, how);
    case verb::workspace_list: return workspace_list(std::move(link), how);
    case verb::session_prune: return session_prune(std::move(link), how);
    case verb::image_build: return image_build(std::move(link), how);
    case verb::image_list: return image_list_all(std::move(link), how);
    case verb::image_show: return image_show(std::move(link), how);
    case verb::image_delete: return image_delete(std::move(link), how);
    case verb::hostkey_list: return hostkey_list_all(std::move(link), how);
    case verb::hostkey_show: return hostkey_show(std::move(link), how);
    case verb::hostkey_accept: return hostkey_accept(std::move(link), how);
    case verb::hostkey_forget: return hostkey_forget(std::move(link), how);
    case verb::ssh_proxy: return ssh_proxy(std::move(link), how);
    case verb::owner_renew: return owner_renew(std::move(link), how);
    case verb::events: return show_events(std::move(link), where, how);
    case verb::cert:
    case verb::completion:
    case verb::rpc:
    case verb::mcp:
    case verb::doctor:
    case verb::hostkey_verify:
    case verb::ssh_config:
    case verb::daemon_start:
    case verb::daemon_status:
    case verb::daemon_stop:
    case verb::daemon_tree:
    case verb::daemon_connect:
    case verb::version: break;
  }
  return core::exit_failed;
}

int run(options how) {
  if (how.what == verb::hostkey_verify)
    return hostkey_verify(how);
  if (how.what == verb::completion)
    return print_completion(how);
  auto here = host::resolve_paths(host::process_environment(), ::geteuid());
  if (!here)
    return report(here.error(), how);
  if (how.what == verb::daemon_connect)
    return daemon_connect(*here, how);
  if (how.what == verb::vm_list && how.is_of_all_hosts)
    return vm_list_everywhere(*here, how);
  if (!how.at_host.empty())
    if (auto ok = adapt_to_remote(how, ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1);
        !ok)
      return report(ok.error(), how);
  auto where = client::choose_host(*here, how.at_host);
  if (!where)
    return report(where.error(), how);
  // These do not start a daemon, or have their own way to.
  if (how.what == verb::ssh_config)
    return ssh_config(*where, how);
  if (how.what == verb::cert)
    return cert(*where, how);
  if (how.what == verb::rpc)
    return run_rpc(*where, how);
  if (how.what == verb::mcp)
    return run_mcp(*where);
  if (how.what == verb::doctor)
    return doctor(*where, how);
  if (how.what == verb::daemon_start)
    return daemon_start(*where, how);
  if (how.what == verb::daemon_status)
    return daemon_status_of(*where, how);
  if (how.what == verb::daemon_tree)
    return show_tree(*where, how);
  if (how.what == verb::daemon_stop)
    return daemon_stop(*where, how);
  if (how.what == verb::version)
    return show_version(*where, how);
  auto link = client::connect_or_start(*where, {});
  if (!link)
    return how.what == verb::session_attach ? (void(report(link.error(), how)), exit_not_attached)
                                            : report(link.error(), how);
  return run_connected(std::move(*link), *where, how);
}

} // namespace

} // namespace banger::cli

int main(int argc, char** argv) {
  using namespace banger::cli;
  banger::host::open_missing_streams();
  std::signal(SIGPIPE, SIG_IGN);
  constexpr int hidden_words = 3; // of a shell's script: banger __complete -- WORD...
  if (argc >= hidden_words && std::string_view{argv[1]} == "__complete")
    return complete_line(
        banger::host::resolve_paths(banger::host::process_environment(), ::geteuid()),
        {argv + hidden_words, argv + argc});
  auto line = parse({argv + 1, argv + argc});
  if (line.is_final) {
    (void)write_all(line.is_error ? STDERR_FILENO : STDOUT_FILENO, line.text);
    return line.status;
  }
  return run(line.what);
}
