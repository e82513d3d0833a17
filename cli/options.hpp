// What the user typed, as plain data. Made by parse.cpp; read by everything else.
#pragma once

#include "core/copy_ref.hpp"
#include "core/forward_spec.hpp"
#include "core/session_prune.hpp"
#include "protocol/attach.hpp"
#include "protocol/requests.hpp"
#include "protocol/resources.hpp"
#include "protocol/result.hpp"
#include "protocol/sessions.hpp"
#include "protocol/values.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace banger::cli {

enum class verb : std::uint8_t {
  vm_run,
  vm_create,
  vm_start,
  vm_stop,
  vm_restart,
  vm_kill,
  vm_delete,
  vm_list,
  vm_show,
  vm_exec,
  vm_copy,
  vm_ssh,
  vm_logs,
  vm_wait,
  vm_why,
  vm_stats,
  vm_set,
  vm_ports,
  vm_port_forward,
  session_start,
  session_attach,
  session_send,
  session_list,
  session_show,
  session_logs,
  session_wait,
  session_stop,
  session_kill,
  session_delete,
  session_prune,
  session_who,
  workspace_prepare,
  workspace_export,
  workspace_status,
  workspace_sync,
  workspace_list,
  image_build,
  image_list,
  image_show,
  image_delete,
  hostkey_list,
  hostkey_show,
  hostkey_accept,
  hostkey_forget,
  hostkey_verify,
  ssh_config,
  ssh_proxy,
  daemon_start,
  daemon_status,
  daemon_stop,
  daemon_tree,
  daemon_connect,
  owner_renew,
  cert,
  completion,
  rpc,
  mcp,
  doctor,
  events,
  version,
};

/// Of the session commands.
struct session_options {
  session_config config;    ///< start; its argv, env and cwd are those of all commands
  bool attaches = false;    ///< start
  bool is_terminal = false; ///< vm exec: on a terminal of the guest
  bool detaches = false;    ///< vm exec: leave it there
  attach_role role = attach_role::writer; ///< attach
  bool takes_over = false;
  bool has_origin = false; ///< --from was given
  output_origin origin = output_origin::offset;
  std::uint64_t from = 0;
  bool ignores_stdin = false;
  std::string detach_keys;        ///< bytes
  std::vector<std::string> texts; ///< send
  std::string file;
  bool adds_line = false;
  bool sends_end = false;
  bool shows_stdout = true; ///< logs, stats
  bool shows_stderr = true;
  std::int64_t since_ms = 0; ///< Unix time; 0: all
  std::int32_t signal = 0;   ///< kill
  bool is_forced = false;    ///< delete
  core::prune_rule spared;   ///< prune, and the next two
  bool is_agreed = false;
  bool is_dry_run = false;
};

/// Of the workspace commands, and of `vm run PATH`.
struct workspace_options {
  std::string path;       ///< of the host; empty: none, or the current folder
  std::string guest_path; ///< empty: /root/NAME, or the only one there is
  bool is_full_copy = false;
  bool has_untracked = false;
  std::uint32_t depth = 0; ///< commits of history; 0: as many as cost little
  std::string branch;      ///< to make in the guest
  std::string from;        ///< where it begins
  std::string file;        ///< export: empty: stdout
  std::string base;        ///< export
  bool since_prepared = false;
  bool to_host = false; ///< sync
  bool is_forced = false;
  bool is_agreed = false; ///< --yes
  bool is_preview = false;
};

struct options {
  verb what = verb::version;
  std::string at_host; ///< whose daemon: a name of the configuration, or a URL; empty: ours
  bool is_of_all_hosts = false; ///< vm list
  bool is_json = false;
  bool is_quiet = false;               ///< list: names only; cp: no progress, no summary
  std::vector<std::string> refs;       ///< VMs or images
  std::vector<std::string> command;    ///< what followed "--"
  bool has_command = false;            ///< there was a "--"
  vm_config config;                    ///< run, create; set: its sizes, 0 for those that stay
  std::vector<std::string> env;        ///< exec, run: "NAME=value"
  std::string cwd;                     ///< exec, run
  std::uint32_t grace_ms = 0;          ///< stop, restart
  std::uint32_t timeout_ms = 0;        ///< wait
  vm_state wanted = vm_state::running; ///< wait
  std::string recipe;                  ///< image build: absolute path, or empty
  bool follows = false;                ///< logs, events
  nat_change nat = nat_change::none;   ///< vm set
  subscribe_events events;             ///< events: where they begin
  renew_owner owner;                   ///< owner renew
  std::uint64_t tail_bytes = 0;        ///< vm logs; of session logs, lines; 0: all
  std::string fingerprint;             ///< hostkey accept; empty: the offered key's
  std::string known_hosts_file;        ///< hostkey verify, and the next three
  std::string host;
  std::uint16_t port = 22;
  std::string key;                          ///< "TYPE BASE64"
  std::string shell;                        ///< completion
  std::vector<std::string> cert;            ///< the words of banger-tls cert, checked
  std::string cert_folder;                  ///< empty: the usual one
  bool shows_schema = false;                ///< rpc
  bool installs = false;                    ///< ssh-config
  bool uninstalls = false;                  ///< ssh-config
  std::vector<core::forward_spec> forwards; ///< vm port-forward
  bool forwards_found = false;              ///< and what begins to listen in the guest
  core::copy_plan copy;                     ///< cp
  session_options session;
  workspace_options workspace;
};

/// What main is to do: run `what`, or print `text` (help, or a usage error) and exit with `status`.
struct parsed {
  bool is_final = false;
  int status = 0;
  std::string text;
  bool is_error = false; ///< text goes to stderr
  options what;
};

/// Never exits and never prints. @param arguments  without the program's name
[[nodiscard]] parsed parse(const std::vector<std::string>& arguments);

} // namespace banger::cli
