// OWNERS: programs elsewhere that have VMs here. One that does not renew its lease may be dead, or
// cut off and replaced: its VMs are killed, so that whoever waited for the lease's end may run them
// elsewhere.
#pragma once

#include "core/owner_table.hpp"
#include "protocol/actors.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>

namespace banger::actors {

struct owners_context {
  store_actor store;
  supervisor_actor supervisor;
  events_actor events;
  std::function<std::int64_t()> boot_ms; ///< time since the boot, suspended time included
};

struct owners_state {
  static inline const char* name = "owners";
  std::optional<core::owner_table> table;
  owners_context context;
  std::uint64_t step = 0;               ///< number of the tick that counts
  std::optional<std::int64_t> looks_at; ///< when that is, since the boot
  std::set<std::string> told; ///< ids of VMs whose end has been told, until it came or a lease did
};

/// Where a daemon's stamps begin: no other one's passes for one of them. Far from no_stamp_yet, and
/// with all of a daemon's time below 2^53, for readers of JSON that have doubles.
[[nodiscard]] std::uint64_t any_first_stamp();

/// @param table  what is on disk
owners_actor::behavior_type owners(owners_actor::stateful_pointer<owners_state> self,
                                   owners_context context, core::owner_table table);

} // namespace banger::actors
