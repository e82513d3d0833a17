// The daemon's log: one file, capped. Everything that logs includes this and nothing of spdlog.
#pragma once

#include "protocol/result.hpp"

#include <string>
#include <string_view>

namespace banger::host {

/// Opens the log; 4 MiB, and one older file of the same size. `level`: trace, debug, info, warn,
/// error, off. Errors: bad_request for another word; failed.
[[nodiscard]] result<void> open_log(const std::string& path, const std::string& level);

// Safe to call from any thread, and before open_log (then they do nothing).
void log_debug(std::string_view text);
void log_info(std::string_view text);
void log_warning(std::string_view text);
void log_error(std::string_view text);

} // namespace banger::host
