// The commands, one file a group. Each returns the program's exit status and has printed all there
// is to say.
#pragma once

#include "cli/options.hpp"
#include "client/connection.hpp"
#include "host/paths.hpp"

namespace banger::cli {

// vm_commands.cpp
int vm_create(client::connection link, const options& how);
int vm_change(client::connection link, const host::paths& where,
              const options& how); ///< start, stop, restart, kill, delete
int vm_list_all(client::connection link, const options& how);
int vm_list_everywhere(const host::paths& where, const options& how);
int vm_show(client::connection link, const options& how);
int vm_wait(client::connection link, const options& how);
int vm_why(client::connection link, const options& how);
int vm_logs(client::connection link, const options& how);

// resource_commands.cpp
int vm_stats_of(client::connection link, const options& how);
int vm_set(client::connection link, const options& how);

// run_commands.cpp
int vm_run(client::connection link, const host::paths& where, const options& how);
int vm_exec(client::connection link, const host::paths& where, const options& how);
int vm_ssh(client::connection link, const options& how);

// workspace_commands.cpp
int workspace_prepare(client::connection link, const host::paths& where, const options& how);
int workspace_export(client::connection link, const options& how);
int workspace_status(client::connection link, const host::paths& where, const options& how);
int workspace_list(client::connection link, const options& how);

// workspace_sync.cpp
int workspace_sync(client::connection link, const host::paths& where, const options& how);

// port_commands.cpp
int vm_ports(client::connection link, const options& how);
int vm_port_forward(client::connection link, const options& how);

// copy_commands.cpp
int vm_copy(client::connection link, const options& how);

// session_commands.cpp
int exec_as_session(client::connection link, const host::paths& where, const options& how);
int session_start(client::connection link, const host::paths& where, const options& how);
int session_attach(client::connection link, const host::paths& where, const options& how);
int session_send(client::connection link, const options& how);
int session_list_all(client::connection link, const options& how);
int session_wait(client::connection link, const options& how);
int session_who(client::connection link, const options& how);
int session_change(client::connection link, const options& how); ///< show, stop, kill, delete

// session_logs.cpp
int session_logs(client::connection link, const host::paths& where, const options& how);

// session_prune.cpp
int session_prune(client::connection link, const options& how);

// hostkey_commands.cpp
int hostkey_list_all(client::connection link, const options& how);
int hostkey_show(client::connection link, const options& how);
int hostkey_accept(client::connection link, const options& how);
int hostkey_forget(client::connection link, const options& how);
int hostkey_verify(const options& how); ///< needs no daemon

// ssh_commands.cpp
int ssh_config(const host::paths& where, const options& how);
int ssh_proxy(client::connection link, const options& how);

// completion_commands.cpp
int print_completion(const options& how);
/// Prints what the last of `words` can be; nothing where that is not known. Never starts a daemon.
int complete_line(const result<host::paths>& where, const std::vector<std::string>& words);

// image_commands.cpp
int image_build(client::connection link, const options& how);
int image_list_all(client::connection link, const options& how);
int image_show(client::connection link, const options& how);
int image_delete(client::connection link, const options& how);

// cert_commands.cpp
int cert(const host::paths& where, const options& how); ///< needs no daemon
// rpc_command.cpp
int run_rpc(const host::paths& where, const options& how);

// mcp_command.cpp
int run_mcp(const host::paths& where);

// doctor_command.cpp
int doctor(const host::paths& where, const options& how);

// daemon_commands.cpp
int daemon_start(const host::paths& where, const options& how);
int daemon_status_of(const host::paths& where, const options& how);
int show_tree(const host::paths& where, const options& how);
int daemon_stop(const host::paths& where, const options& how);
int show_version(const host::paths& where, const options& how);
int owner_renew(client::connection link, const options& how);
int daemon_connect(const host::paths& where, const options& how);
int show_events(client::connection link, const host::paths& where, const options& how);

} // namespace banger::cli
