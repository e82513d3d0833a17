// The ends of a copy: here, in a guest, a standard stream.
#pragma once

#include "cli/copy_flow.hpp"
#include "core/copy_ref.hpp"

#include <memory>

namespace banger::cli {

/// Packs the sources into the sink. Errors: why they could not be read, or the copy was ended; none
/// where the sink wanted no more.
[[nodiscard]] result<void> pack_from(copy_flow& flow, const core::copy_plan& plan, copy_sink& sink);

/// Where the plan's destination is, made ready.
[[nodiscard]] std::unique_ptr<copy_sink> open_sink(copy_flow& flow, const core::copy_plan& plan);

} // namespace banger::cli
