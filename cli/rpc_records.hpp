// The records that banger rpc answers with, described. They are those of `--output json`; the test
// of this file holds what json.cpp makes of each value to it.
#pragma once

#include "cli/rpc_schema.hpp"

namespace banger::cli::rpc {

[[nodiscard]] const shape& nothing_shape();
[[nodiscard]] const shape& vm_shape();
[[nodiscard]] const shape& vm_list_shape();
[[nodiscard]] const shape& vm_stats_shape();
[[nodiscard]] const shape& vm_history_shape();
[[nodiscard]] const shape& session_shape();
[[nodiscard]] const shape& session_list_shape();
[[nodiscard]] const shape& image_shape();
[[nodiscard]] const shape& image_list_shape();
[[nodiscard]] const shape& event_shape();
[[nodiscard]] const shape& daemon_shape();
[[nodiscard]] const shape& window_shape(); ///< of a terminal; also asked for
[[nodiscard]] const shape& bytes_shape();  ///< {"data", "encoding"}
[[nodiscard]] const shape& failure_shape();

} // namespace banger::cli::rpc
