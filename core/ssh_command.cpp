#include "core/ssh_command.hpp"

namespace banger::core {

// clang-format off: one option a line
std::vector<std::string> ssh_arguments(const std::string& program, const ssh_target& whom,
                                       const std::vector<std::string>& more) {
  std::vector<std::string> arguments{
      program,
      "-F",
      "/dev/null", // the user's own configuration could send us elsewhere
      "-i",
      whom.private_key,
      "-o",
      "IdentitiesOnly=yes",
      "-o",
      "UserKnownHostsFile=\"" + whom.known_hosts + "\"", // quoted: unquoted spaces mean two files
      "-o",
      "GlobalKnownHostsFile=/dev/null",
      "-o",
      "StrictHostKeyChecking=yes",
      "-o",
      "HostKeyAlias=" + whom.host_key_alias,
      "-o",
      "UpdateHostKeys=no",
      "-o",
      "CheckHostIP=no",
      "-o",
      "LogLevel=ERROR",
      "-p",
      std::to_string(whom.port),
      whom.user + "@" + whom.address,
  };
  // clang-format on
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

} // namespace banger::core
