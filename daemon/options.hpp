// What bangerd is told on its command line.
#pragma once

#include "core/tcp_endpoint.hpp"

#include <optional>
#include <string>

namespace banger::daemon {

struct options {
  bool is_detached = false;       ///< go into the background once clients can connect
  bool checks_migrations = false; ///< only open the database and say its schema
  std::string log_level = "info";
  std::optional<core::tcp_endpoint> listen; ///< for other machines; none: as config.toml has it
  std::string certs;                        ///< folder, absolute; empty: likewise
};

/// Parses the command line; --help and --version are answered here. @returns whether to go on;
/// `status` is the exit status otherwise.
[[nodiscard]] bool parse_options(int argc, char** argv, options& x, int& status);

} // namespace banger::daemon
