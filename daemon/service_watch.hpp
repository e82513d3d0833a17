// Sees the parts of a node that nobody starts anew.
#pragma once

#include "protocol/actors.hpp"

#include <caf/actor_system.hpp>

#include <functional>
#include <string>
#include <vector>

namespace banger::daemon {

/// What has no actor above it that could start it anew takes the node with it: all that counts is
/// on disk, VMs run on, and the next command starts another daemon. @param give_up  is told which
/// part has failed, and why; must not block
[[nodiscard]] described_actor watch_parts(caf::actor_system& system, std::vector<actor_child> parts,
                                          std::function<void(const std::string& why)> give_up);

} // namespace banger::daemon
