#include "banger/actors.hpp"
#include "daemon/prepare.hpp"
#include "embed/client_link.hpp"
#include "host/files.hpp"
#include "host/log.hpp"
#include "host/paths.hpp"

#include <dlfcn.h>
#include <map>
#include <optional>
#include <unistd.h>
#include <utility>

namespace banger {

namespace {

constexpr std::chrono::seconds hello_limit{5};

/// The library that this is a part of.
std::string own_library() {
  Dl_info found{};
  return ::dladdr(reinterpret_cast<const void*>(&own_library), &found) != 0 ? found.dli_fname
                                                                            : std::string{};
}

/// Everything below one folder.
host::environment environment_below(const std::string& folder) {
  const std::map<std::string, std::string> all{
      {"HOME", folder},
      {"XDG_CONFIG_HOME", folder + "/config"},
      {"XDG_STATE_HOME", folder + "/state"},
      {"XDG_DATA_HOME", folder + "/data"},
      {"XDG_CACHE_HOME", folder + "/cache"},
      {"XDG_RUNTIME_DIR", folder + "/run"},
  };
  return [all, own = host::process_environment()](const std::string& name) {
    const auto found = all.find(name);
    if (found != all.end())
      return std::optional{found->second};
    return name == "BANGER_SOCKET" ? std::nullopt : own(name);
  };
}

result<host::paths> places_of(const std::string& folder) {
  if (folder.empty())
    return host::resolve_paths(host::process_environment(), ::geteuid());
  if (!folder.starts_with('/'))
    return fail(ec::bad_request, "keep a host in '" + folder + "'", "it is no absolute path");
  for (const auto& each : {folder, folder + "/run"})
    if (auto ok = host::make_private_directory(each); !ok)
      return tl::make_unexpected(ok.error());
  return host::resolve_paths(environment_below(folder), ::geteuid());
}

} // namespace

/// Destroyed from the bottom up: the locks are given up last.
struct embedded_host::parts {
  caf::actor_system& system;
  host::paths where;
  daemon::host_locks locks;
  std::unique_ptr<daemon::node> node;

  ~parts() {
    node.reset();
    host::remove_file(where.lock);
  }
};

embedded_host::embedded_host(std::unique_ptr<parts> x) : parts_(std::move(x)) {}
embedded_host::embedded_host(embedded_host&& other) noexcept = default;
embedded_host& embedded_host::operator=(embedded_host&& other) noexcept = default;
embedded_host::~embedded_host() = default;

result<embedded_host> embedded_host::start(caf::actor_system& system,
                                           const embedding_options& how) {
  auto where = places_of(how.folder);
  if (!where)
    return tl::make_unexpected(where.error());
  auto locks = daemon::take_locks(*where, false);
  if (!locks)
    return tl::make_unexpected(locks.error());
  auto made = std::unique_ptr<parts>{new parts{system, *where, std::move(*locks), {}}};
  // Of several hosts in one process, the first one's file is that of all.
  static const auto log = host::open_log(where->log, "info");
  if (!log)
    return tl::make_unexpected(log.error());
  auto rest = daemon::prepare(*where, daemon::find_companions(own_library()), {});
  if (!rest)
    return tl::make_unexpected(rest.error());
  rest->on_stop_request = how.on_stop_request;
  rest->on_service_failed = [tell = how.on_failure](const std::string& why) {
    host::log_error(why);
    if (tell)
      tell(why);
  };
  auto running = daemon::node::start(system, std::move(*rest));
  if (!running)
    return tl::make_unexpected(running.error());
  made->node = std::move(*running);
  return embedded_host{std::move(made)};
}

result<host_actor> embedded_host::open(const client_actor& client) {
  return embed::open_link(parts_->system, parts_->node->gateway(), client, std::nullopt,
                          hello_limit);
}

const std::string& embedded_host::socket() const {
  return parts_->where.socket;
}

} // namespace banger
