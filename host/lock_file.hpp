// A lock that ends with the process that holds it.
#pragma once

#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <string>

namespace banger::host {

/// Takes the lock without waiting and writes our pid into the file. The descriptor is the lock. Its
/// holder may remove the file: whoever opened it before that does not end up with a lock of his
/// own. Errors: already_exists, with the holder's pid; failed. Source: flock(2).
[[nodiscard]] result<unique_fd> take_lock(const std::string& path);

} // namespace banger::host
