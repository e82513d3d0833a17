// Which machine's daemon a command is for: --host, BANGER_HOST, or the names that it was given.
#pragma once

#include "cli/options.hpp"
#include "core/remote_host.hpp"

namespace banger::cli {

/// Takes the hosts off names like "lab/box" and "lab/box/make", and puts their host into `at_host`.
/// A name of two parts is a host's VM where a VM is meant, and a VM's session where a session is.
/// Errors: bad_request where they are of several hosts.
[[nodiscard]] result<void> take_hosts_off(options& how);

/// What a command for another machine is instead. Errors: bad_request for what only can be done
/// on the machine itself.
[[nodiscard]] result<void> adapt_to_remote(options& how, bool has_terminal);

} // namespace banger::cli
