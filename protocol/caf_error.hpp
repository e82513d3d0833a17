// Our failures as caf::error and back. Included by actors; the command line never sees it.
#pragma once

#include "protocol/actors.hpp"
#include "protocol/errors.hpp"

#include <caf/actor_system.hpp>
#include <caf/error.hpp>
#include <caf/make_message.hpp>

CAF_ERROR_CODE_ENUM(banger::ec, "banger")

namespace banger {

/// The error that carries `why` whole.
[[nodiscard]] caf::error to_error(failure why);

/// Our failure out of any error. An error of CAF's own is translated: a lost or silent actor
/// becomes `timed_out` or `failed`, with `what` saying what was being done.
[[nodiscard]] failure to_failure(const caf::error& error, std::string_view what = {});

/// Same, as an error: for passing on.
[[nodiscard]] caf::error translated(const caf::error& error, std::string_view what);

} // namespace banger
