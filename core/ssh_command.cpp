#include "core/ssh_command.hpp"

namespace banger::core {

std::vector<std::string> ssh_arguments(const std::string& program, const ssh_target& whom,
                                       const std::vector<std::string>& more) {
  const auto is_known = !whom.known_hosts.empty();
  // clang-format off: one option a line
  std::vector<std::string> arguments{
      program,
      "-F",
      "none", // the user's own configuration could send us elsewhere
      "-i",
      whom.private_key,
      "-o",
      "IdentitiesOnly=yes",
      "-o",
      // Quoted: unquoted spaces mean two files. Where the file is not known nothing new is trusted.
      "UserKnownHostsFile=" + (is_known ? "\"" + whom.known_hosts + "\"" : "none"),
      "-o",
      "GlobalKnownHostsFile=none",
      "-o",
      std::string{"StrictHostKeyChecking="} + (is_known ? "accept-new" : "yes"),
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
