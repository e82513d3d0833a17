// A lock that ends with the process that holds it.
#pragma once

#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <string>

namespace banger::host {

/// Takes the lock without waiting and writes our pid into the file. The descriptor is the lock.
/// Errors: already_exists, with the holder's pid; failed. Source: flock(2).
[[nodiscard]] result<unique_fd> take_lock(const std::string& path);

} // namespace banger::host
