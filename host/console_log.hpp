// Keeps a growing log from filling the disk while somebody else writes to it.
#pragma once

#include "protocol/result.hpp"

#include <cstdint>
#include <string>

namespace banger::host {

/// Where the log is longer than `limit` bytes, moves its newest `limit` bytes to `<path>.1`, in the
/// place of what was there, and empties it. So the two hold between `limit` and twice that, plus
/// what comes between two calls. The writer must have opened the log with O_APPEND, as QEMU does
/// with `append=on`, and need not be told: its next write lands at the start. What it writes in the
/// microseconds between our last look and the emptying is lost. @pre one caller at a time.
/// @returns whether it did. No log: false. Errors: unsafe_path where it is no regular file;
/// no_space; failed. On an error the log is left as it is. Blocks on the disk.
[[nodiscard]] result<bool> cap_log(const std::string& path, std::uint64_t limit);

} // namespace banger::host
