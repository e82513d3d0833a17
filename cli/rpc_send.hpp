// One input to a session, given whole.
#pragma once

#include "cli/rpc_loop.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace banger::cli::rpc {

/// Tells `then` how many bytes arrived, once all of them have. @param is_end  then the command's
/// input ends
void send_whole(loop& runs, const std::string& ref, const std::string& bytes, bool is_end,
                std::function<void(const result<std::uint64_t>&)> then);

} // namespace banger::cli::rpc
