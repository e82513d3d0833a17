// What a VM does with an order, by the state it is in: the table that replaces a lock order. Pure.
#pragma once

#include "protocol/orders.hpp"
#include "protocol/values.hpp"

#include <cstdint>

namespace banger::core {

/// What to do with an order.
enum class verdict : std::uint8_t {
  run,               ///< begin it now
  satisfied,         ///< it is so already: answer at once
  queue,             ///< run it when the operation that runs now has ended
  cancel_then_queue, ///< tell the running operation to give up, then run it
  busy,              ///< refuse: another operation runs
  gone,              ///< refuse: the VM is being deleted
};

/// Judges `asked` for a VM in `now`. stop, kill and delete are accepted in every state; what
/// changes the VM otherwise waits for nobody and is refused while something runs.
[[nodiscard]] verdict judge(vm_state now, order_kind asked);

/// Judges `asked` while a set runs: that is over in a moment, whatever the VM does meanwhile, and
/// no two operations run at once.
[[nodiscard]] verdict judge_during_set(order_kind asked);

/// The state a VM is in while an operation of this kind runs on it. @param now  its state before
[[nodiscard]] vm_state state_during(order_kind kind, vm_state now);

} // namespace banger::core
