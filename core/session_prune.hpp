// Which finished sessions a user wants gone. Pure.
#pragma once

#include "protocol/sessions.hpp"

#include <cstdint>
#include <vector>

namespace banger::core {

/// What is spared. Both count: a session goes only where neither spares it.
struct prune_rule {
  std::uint32_t keep_newest = 0; ///< of each VM's finished sessions
  std::int64_t least_age_ms = 0; ///< since its end
};

/// When it was over, as far as anybody knows: of one that is lost, or never ran, its creation. Unix
/// time in ms.
[[nodiscard]] std::int64_t over_since_ms(const session_info& x);

/// The sessions of `all` that go, in their order, each once. Never one that is not over, nor one
/// that somebody is attached to.
[[nodiscard]] std::vector<session_info> to_prune(const std::vector<session_info>& all,
                                                 const prune_rule& rule, std::int64_t now_ms);

} // namespace banger::core
