#include "host/paths.hpp"

#include "host/files.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sys/un.h>

namespace banger::host {

namespace {

constexpr std::size_t longest_socket = sizeof(sockaddr_un::sun_path) - 1;

/// One spelling of a folder, for paths in it are recorded and compared: no "//", no "." and no
/// slash at its end.
std::string plain(const std::string& path) {
  auto text = std::filesystem::path{path}.lexically_normal().string();
  while (text.size() > 1 && text.ends_with('/'))
    text.pop_back();
  return text == "/" ? std::string{} : text;
}

/// An XDG variable, or its default below HOME.
result<std::string> base(const environment& env, const std::string& name,
                         const std::string& below) {
  if (auto value = env(name); value && value->starts_with('/'))
    return plain(*value);
  auto home = env("HOME");
  if (!home || !home->starts_with('/'))
    return fail(
        ec::bad_request, "find the folder for " + name,
        home ? "HOME is not an absolute path" : "HOME is not set",
        "set HOME, or all of XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_STATE_HOME and XDG_CACHE_HOME");
  return plain(*home) + below;
}

std::string runtime_base(const environment& env, uid_t uid) {
  if (auto value = env("XDG_RUNTIME_DIR"); value && value->starts_with('/'))
    return *value + "/banger";
  auto user = "/run/user/" + std::to_string(uid);
  return exists(user) ? user + "/banger" : "/tmp/banger-" + std::to_string(uid);
}

} // namespace

environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0')
      return std::nullopt;
    return std::string{value};
  };
}

std::string helper_socket(uid_t uid) {
  return "/run/banger-helper/" + std::to_string(uid) + ".sock";
}

result<paths> resolve_paths(const environment& env, uid_t uid) {
  paths x;
  struct wanted {
    std::string paths::*field;
    const char* name;
    const char* below;
  };
  for (const auto& [field, name, below] : {wanted{&paths::config, "XDG_CONFIG_HOME", "/.config"},
                                           wanted{&paths::data, "XDG_DATA_HOME", "/.local/share"},
                                           wanted{&paths::state, "XDG_STATE_HOME", "/.local/state"},
                                           wanted{&paths::cache, "XDG_CACHE_HOME", "/.cache"}}) {
    auto found = base(env, name, below);
    if (!found)
      return tl::make_unexpected(found.error());
    x.*field = *found + "/banger";
  }
  x.runtime = runtime_base(env, uid);
  x.socket = x.runtime + "/bangerd.sock";
  if (auto value = env("BANGER_SOCKET")) {
    if (!value->starts_with('/'))
      return fail(ec::bad_request, "use BANGER_SOCKET", "'" + *value + "' is not an absolute path");
    x.socket = *value;
    x.runtime = value->substr(0, std::max<std::size_t>(value->rfind('/'), 1));
  }
  if (x.socket.size() > longest_socket)
    return fail(ec::bad_request, "use the socket " + x.socket,
                "its path has " + std::to_string(x.socket.size()) + " bytes, " +
                    std::to_string(longest_socket) + " is the most",
                "set XDG_RUNTIME_DIR or BANGER_SOCKET to a shorter path");
  x.lock = x.socket + ".lock";
  x.database = x.state + "/banger.db";
  x.vms = x.state + "/vms";
  x.images = x.data + "/images";
  x.ssh = x.state + "/ssh";
  x.private_key = x.ssh + "/id_ed25519";
  x.known_hosts = x.ssh + "/known_hosts";
  x.log = x.state + "/bangerd.log";
  x.helper_socket = env("BANGER_HELPER_SOCKET").value_or(helper_socket(uid));
  return x;
}

} // namespace banger::host
