#include "core/record_events.hpp"

namespace banger::core {

std::vector<event_happened> events_of_vm(const vm_record& now,
                                         const std::vector<vm_transition>& added,
                                         std::int64_t error_before_ms) {
  std::vector<event_happened> all;
  for (const auto& x : added)
    if (x.from != x.to) // else it was only found again
      all.push_back({0, x.at_ms, "vm.state", now.name, to_string(x.to)});
  if (!now.error.empty() && now.error_at_ms != error_before_ms)
    all.push_back({0, now.error_at_ms, "vm.error", now.name, now.error});
  return all;
}

std::optional<event_happened> event_of_session(const std::string& title, const session_info& now,
                                               std::optional<session_state> before,
                                               std::int64_t now_ms) {
  if (before == now.state)
    return {};
  return event_happened{0, now_ms, "session.state", title,
                        to_string(now.state) + (now.error.empty() ? "" : ": " + now.error)};
}

} // namespace banger::core
