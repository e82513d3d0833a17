// Files of the user's that every VM gets when it starts: [[file_sync]] of config.toml.
#pragma once

#include "cli/session.hpp"
#include "core/user_config.hpp"
#include "host/paths.hpp"

#include <string>

namespace banger::cli {

/// Copies them into a running VM. What is missing on the host, or leads out of the home, is told on
/// stderr and left out. Errors: as run_script, and of the host's disk.
[[nodiscard]] result<void> sync_files(session& talk, const host::paths& where,
                                      const core::user_config& config, const std::string& vm);

} // namespace banger::cli
