// Where banger keeps things: the XDG base directories. Also used by the statically linked command
// line, hence no look-ups in the user database.
#pragma once

#include "protocol/result.hpp"

#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace banger::host {

struct paths {
  std::string config;  ///< ~/.config/banger
  std::string data;    ///< ~/.local/share/banger: images
  std::string state;   ///< ~/.local/state/banger: database, VMs, keys
  std::string cache;   ///< ~/.cache/banger
  std::string runtime; ///< $XDG_RUNTIME_DIR/banger: the socket and its lock
  std::string socket;
  std::string lock;
  std::string database;
  std::string vms;
  std::string images;
  std::string ssh;
  std::string private_key;
  std::string known_hosts;
  std::string log;
  std::string helper_socket; ///< of banger-helper
  /// Of a daemon on another machine: the program, with its arguments, that carries its socket over
  /// standard input and output. Empty: the daemon is on this machine.
  std::vector<std::string> way;
  std::string host; ///< the other machine's name, for messages
};

/// Looks a variable up; nothing where it is unset.
using environment = std::function<std::optional<std::string>(const std::string& name)>;

/// The process's own environment.
[[nodiscard]] environment process_environment();

/// Where the banger-helper of a user listens, if it was told no other place:
/// "/run/banger-helper/1000.sock".
[[nodiscard]] std::string helper_socket(uid_t uid);

/// Works the layout out. Pure but for one question to the disk: whether /run/user/UID is there.
/// BANGER_SOCKET moves the socket and its lock, BANGER_HELPER_SOCKET
/// says where banger-helper listens. Relative XDG values are ignored, as the XDG
/// specification wants it. Errors: bad_request where HOME is needed and not set, or the socket's
/// path is too long.
[[nodiscard]] result<paths> resolve_paths(const environment& env, uid_t uid);

} // namespace banger::host
