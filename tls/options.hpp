// What banger-tls is told on its command line.
#pragma once

#include "protocol/result.hpp"
#include "tls/cert_options.hpp"
#include "tls/connector.hpp"
#include "tls/listener.hpp"

#include <sys/types.h>
#include <variant>

namespace banger::tls {

struct listen_command {
  listen_options how;
  pid_t parent = 0;    ///< 0: whoever it is
  bool checks = false; ///< only say whether the certificates can be used
};

struct help_command {
  std::string text;
};

using command = std::variant<help_command, listen_command, connect_options, cert_options>;

/// @param arguments  without the program's name. Errors: bad_request.
[[nodiscard]] result<command> parse_command(const std::vector<std::string>& arguments);

} // namespace banger::tls
