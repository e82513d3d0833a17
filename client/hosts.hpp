// Which machine's daemon is meant, and the way to it.
#pragma once

#include "core/user_config.hpp"
#include "host/paths.hpp"
#include "protocol/result.hpp"

#include <string>
#include <vector>

namespace banger::client {

/// The user's config.toml; where there is none, nothing. Errors: bad_request, naming the line.
[[nodiscard]] result<core::user_config> read_user_config(const host::paths& where);

/// Where the daemon is. Reads the configuration only for a name of it. @param name  empty: this
/// machine; else a name of [hosts], or a URL. Errors: bad_request, not_found, missing_program.
[[nodiscard]] result<host::paths> choose_host(host::paths where, const std::string& name);

/// A host, and the way there, or why there is none.
struct known_host {
  std::string name; ///< empty: this machine
  result<host::paths> where;
};

/// All hosts of the configuration, this machine first. Errors: bad_request.
[[nodiscard]] result<std::vector<known_host>> all_hosts(const host::paths& where);

} // namespace banger::client
