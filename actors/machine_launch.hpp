// How a machine begins: what it needs of the host first, then the hypervisor. Not for others than
// machine.cpp.
#pragma once

#include "actors/machine.hpp"

namespace banger::actors {

/// The timer of a launch that waits for banger-helper; no ending uses it.
inline constexpr std::uint64_t resources_step = UINT64_MAX - 1;

/// Watches the descriptors of the process.
void watch(machine_pointer self);

[[nodiscard]] caf::result<machine_launched> launch(machine_pointer self, const launch_machine& x);

/// banger-helper has said something.
void take_resources(machine_pointer self);

/// Nobody wants it any more: no hypervisor is started for a launch that waits.
void cancel_launch(machine_pointer self);

/// banger-helper has not said it in time.
void give_up_resources(machine_pointer self);

} // namespace banger::actors
