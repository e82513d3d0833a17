// What hosts said, as it changes what is known. Pure, like plan.hpp.
#pragma once

#include "plan.hpp"

namespace orchestrator {

/// A renewal, and what the host said of itself with it.
struct renewal_ended {
  std::string host;
  bool is_refused = false;   ///< by a newer token: somebody else has taken over
  std::string why{};         ///< empty: all of it was answered
  std::int64_t ended_ms = 0; ///< when it was answered, or its connection was given up
  std::uint64_t stamp = 0;   ///< of the answer; 0: there was none
  std::uint32_t left_ms = 0; ///< of the lease; 0: there is none
  std::int64_t asked_ms = 0; ///< when the list was asked for
  std::map<std::string, seen_vm> vms{};
  std::uint64_t memory_free_mib = 0;
  std::uint32_t cpu_count = 1, vcpus_running = 0;
};

struct order_ended {
  order what;
  std::string why{}; ///< empty: it is done
  std::int64_t ended_ms = 0;
};

[[nodiscard]] std::vector<change> take(fleet& known, host_view& host, const renewal_ended& x,
                                       std::int64_t ttl_ms);
[[nodiscard]] std::vector<change> take(host_view& host, const order_ended& x);

/// Notes what is being asked for now, so that it is not asked for twice.
void note(views& hosts, const decision& x);

} // namespace orchestrator
