// What a change of a record tells the world: the events that go to disk with it.
#pragma once

#include "protocol/diagnosis.hpp"
#include "protocol/events.hpp"
#include "protocol/session_orders.hpp"
#include "protocol/vm_record.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace banger::core {

/// @param added            what has become of the VM and was not on disk before
/// @param error_before_ms  when its last error was, as the old record says; 0: none
[[nodiscard]] std::vector<event_happened> events_of_vm(const vm_record& now,
                                                       const std::vector<vm_transition>& added,
                                                       std::int64_t error_before_ms);

/// @param title   "VM/NAME"
/// @param before  what the old record says; nothing where there was none
[[nodiscard]] std::optional<event_happened> event_of_session(const std::string& title,
                                                             const session_info& now,
                                                             std::optional<session_state> before,
                                                             std::int64_t now_ms);

} // namespace banger::core
