#include "daemon/startup.hpp"

#include "actors/vm_files_blocking.hpp"
#include "core/handles.hpp"
#include "core/key_provenance.hpp"
#include "core/known_hosts.hpp"
#include "core/user_config.hpp"
#include "core/vm_record_check.hpp"
#include "host/files.hpp"
#include "host/log.hpp"
#include "host/process.hpp"
#include "host/tcp_listener.hpp"
#include "hypervisor/strays.hpp"
#include "ssh/known_hosts_file.hpp"
#include "storage/session_records.hpp"
#include "storage/vm_records.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

namespace banger::daemon {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_small_file = 64U << 10;

/// A folder without a row comes from a database that was lost or replaced, for a row is written
/// before the folder and removed after it. So a disk in it may be all that is left of somebody's
/// work, and is kept aside.
std::string clear_folder(const host::paths& where, const fs::path& folder) {
  std::error_code error;
  if (!fs::exists(folder / "work.ext4", error)) {
    auto removed = host::remove_tree(folder.string());
    return "removed the folder of no VM: " + folder.string() +
           (removed ? "" : ": " + to_string(removed.error()));
  }
  auto lost = where.state + "/lost";
  if (auto made = host::make_private_directory(lost); !made)
    return to_string(made.error());
  auto target = lost + "/" + folder.filename().string();
  fs::rename(folder, target, error);
  return "kept the disks of no VM in " + target + (error ? ": " + error.message() : "");
}

} // namespace

companions find_companions(const std::string& file) {
  std::error_code error;
  for (auto folder = fs::path{file}.parent_path(); folder.has_relative_path();
       folder = folder.parent_path()) {
    if (fs::exists(folder / "guest" / "banger-agent", error)) // a build folder
      return {folder / "banger-net", folder / "banger-image", folder / "banger-tls",
              folder / "guest", folder / "images" / "recipes"};
    if (auto libexec = folder / "libexec" / "banger"; fs::exists(libexec / "guest", error))
      return {libexec / "banger-net", libexec / "banger-image", libexec / "banger-tls",
              libexec / "guest", folder / "share" / "banger" / "recipes"};
  }
  return {};
}

std::shared_ptr<const actors::agent_program> read_agent(const companions& programs) {
  constexpr std::size_t most = 16U << 20;
  actors::agent_program x{programs.guest + "/banger-agent", {}};
  if (auto bytes = host::read_file(x.path, most))
    x.bytes = std::move(*bytes);
  return std::make_shared<const actors::agent_program>(std::move(x));
}

result<void> prepare_folders(const host::paths& where) {
  for (const auto& folder :
       {where.state, where.data, where.cache, where.vms, where.images, where.ssh})
    if (auto ok = host::make_private_directory(folder); !ok)
      return ok;
  return {};
}

result<login_key> prepare_key(const host::paths& where) {
  if (!host::exists(where.private_key)) {
    auto program = host::find_program("ssh-keygen", host::search_path());
    if (!program)
      return fail(ec::missing_program, "find ssh-keygen", "it is not installed",
                  "apt-get install openssh-client");
    host::spawn_request spawn;
    spawn.argv = {*program, "-q", "-t",     "ed25519", "-N",
                  "",       "-C", "banger", "-f",      where.private_key};
    constexpr int limit_ms = 30'000;
    if (auto made = host::run_blocking(spawn, limit_ms); !made)
      return tl::make_unexpected(made.error());
  }
  auto key = ssh::private_key::load_blocking(where.private_key);
  if (!key)
    return tl::make_unexpected(key.error());
  auto line = host::read_file(where.private_key + ".pub", max_small_file);
  if (!line)
    return tl::make_unexpected(line.error());
  return login_key{*key, line->substr(0, line->find('\n'))};
}

namespace {

result<core::user_config> parse_config(const host::paths& where) {
  const auto text = host::read_file(where.config + "/config.toml", max_small_file);
  if (!text && text.error().code == ec::not_found)
    return core::user_config{};
  if (!text)
    return tl::make_unexpected(text.error());
  return core::parse_user_config(*text, host::process_environment()("HOME").value_or(""));
}

} // namespace

config_plan read_config(const host::paths& where, const options& how) {
  config_plan plan;
  if (auto config = parse_config(where)) {
    plan.dns.listen = config->dns;
    plan.listen = config->listen;
  } else {
    plan.dns.trouble = to_string(config.error());
    host::log_warning("no names of VMs are served, nor other machines: " + plan.dns.trouble);
  }
  if (how.listen)
    plan.listen = core::tls_relay_plan{*how.listen, plan.listen ? plan.listen->certs : ""};
  if (plan.listen && !how.certs.empty())
    plan.listen->certs = how.certs;
  if (plan.listen && plan.listen->certs.empty())
    plan.listen->certs = where.config + "/tls";
  return plan;
}

result<void> check_certificates(const companions& programs, const core::tls_relay_plan& plan) {
  host::spawn_request spawn;
  spawn.argv = {programs.tls_relay, "listen", "--check", "--certs", plan.certs};
  constexpr int limit_ms = 10'000;
  auto ended = host::run_to_end_blocking(spawn, limit_ms);
  if (!ended)
    return tl::make_unexpected(ended.error());
  if (ended->wait_status == 0)
    return {};
  constexpr std::string_view name = "banger-tls: ";
  const auto line = ended->output.substr(0, ended->output.find('\n'));
  return fail(ec::bad_request, "serve other machines",
              line.starts_with(name) ? line.substr(name.size()) : line);
}

result<void> check_address(const core::tcp_endpoint& where) {
  using namespace std::chrono_literals;
  constexpr int most_tries = 40;
  for (int tries = 0;; ++tries) {
    auto made = host::listen_tcp(where.host, where.port);
    if (made)
      return {};
    if (made.error().code != ec::already_exists || tries == most_tries) {
      auto why = made.error();
      why.hint = "give bangerd --listen another one";
      return tl::make_unexpected(why);
    }
    std::this_thread::sleep_for(50ms);
  }
}

result<known_state> load_known_vms(const host::paths& where, storage::database& db) {
  auto records = storage::load_vms(db);
  if (!records)
    return tl::make_unexpected(records.error());
  auto sessions = storage::load_session_records(db, {});
  if (!sessions)
    return tl::make_unexpected(sessions.error());
  std::map<std::string, std::vector<session_record>> sessions_of;
  for (auto& session : *sessions)
    sessions_of[session.vm_id].push_back(std::move(session));
  known_state found;
  for (const auto& record : *records) {
    auto whole = core::check_record(record);
    found.is_whole &= whole.has_value();
    if (!whole)
      host::log_error("vm '" + record.name + "': " + to_string(whole.error()));
    if (core::is_vm_id(record.id)) {
      auto placed = core::placed_in(record, where.vms);
      auto past = actors::look_at_past_blocking(placed, where.helper_socket);
      past.sessions = std::move(sessions_of[record.id]);
      found.vms.push_back({std::move(placed), std::move(past)});
    } else if (auto aside = storage::set_vm_aside(db, record.id); !aside) {
      host::log_error(to_string(aside.error()));
    } else {
      found.cleared.push_back("set the row of no VM aside: '" + record.name + "'");
    }
  }
  return found;
}

namespace {

/// Pins that we made, of VMs that no record knows: from a database that was lost, or a rollback
/// that a full disk kept from its end. What others wrote is left alone.
void clear_pins(const host::paths& where, const std::vector<actors::known_vm>& known,
                std::vector<std::string>& cleared) {
  std::set<std::string> names;
  for (const auto& x : known) {
    names.insert(x.record.name + ".vm");
    names.insert(core::known_hosts::host_name_for(x.record.address, x.record.ssh_port));
  }
  ssh::known_hosts_file file{where.known_hosts};
  auto lines = file.lines();
  if (!lines)
    return; // prepare() has told of it
  std::set<std::string> nobodys;
  std::set<std::string> others;
  for (const auto& line : **lines) {
    const auto is_ours = line.is_valid && line.mark == core::known_hosts::marker::none &&
                         core::known_hosts::is_plain_name(line.hosts) &&
                         core::provenance_of(line.comment) != key_provenance::other;
    if (!is_ours)
      others.insert(line.hosts);
    else if (!names.contains(line.hosts))
      nobodys.insert(line.hosts);
  }
  std::erase_if(nobodys, [&](const auto& name) {
    return std::any_of(others.begin(), others.end(),
                       [&](const auto& hosts) { return core::known_hosts::matches(hosts, name); });
  });
  auto removed = file.remove({nobodys.begin(), nobodys.end()});
  if (!removed)
    host::log_warning(to_string(removed.error()));
  else if (removed->count > 0)
    cleared.push_back("forgot the host keys of no VM: " + std::to_string(removed->count));
}

} // namespace

std::vector<std::string> clear_what_nobody_knows(const host::paths& where,
                                                 const known_state& state) {
  const auto& known = state.vms;
  std::vector<core::vm_handles> alive;
  std::set<std::string> folders;
  for (const auto& x : known) {
    folders.insert(x.record.directory);
    if (auto handles = core::parse_handles(x.past.handles); handles && x.past.is_alive)
      alive.push_back(*handles);
  }
  auto cleared = state.cleared;
  for (const auto& what : hypervisor::end_strays(where.vms, alive))
    cleared.push_back("ended a process of no VM: " + what);
  if (state.is_whole) // else the names of a VM may be the damaged part
    clear_pins(where, known, cleared);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{where.vms, error})
    if (core::is_vm_id(entry.path().filename().string()) &&
        !folders.contains(entry.path().string()))
      cleared.push_back(clear_folder(where, entry.path()));
  return cleared;
}

} // namespace banger::daemon
