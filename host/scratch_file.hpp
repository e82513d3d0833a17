// Files without a name, in memory: what a program wrote to one can be read when it has ended, and
// nobody waits for anybody.
#pragma once

#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <string>
#include <string_view>

namespace banger::host {

/// Has `content`, and is at its beginning. Errors: failed, no_space. Source: memfd_create(2).
[[nodiscard]] result<unique_fd> make_scratch_file(std::string_view content = {});

/// All that is in it, wherever it is. Errors: failed.
[[nodiscard]] result<std::string> read_scratch_file(const unique_fd& file);

} // namespace banger::host
