// SUPERVISOR: the registry of VMs. Spawns, monitors, routes; decides nothing about a VM.
#pragma once

#include "actors/guard.hpp"
#include "actors/vm.hpp"
#include "protocol/actors.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace banger::actors {

/// A VM as the supervisor finds it at start-up.
struct known_vm {
  vm_record record;
  vm_past past;
};

struct supervised_vm {
  vm_actor actor;                               ///< none while it is restarted, or given up
  vm_info info;                                 ///< the last it told
  std::map<std::string, session_info> sessions; ///< by id; likewise
  crash_record crashes;                         ///< of its actor
};

struct supervisor_state {
  static inline const char* name = "supervisor";
  std::shared_ptr<const vm_context> context;
  events_actor events;
  std::string vms_directory;
  std::map<std::string, supervised_vm> vms; ///< by id
  std::set<std::string> recovering;         ///< ids of the start-up's VMs that are not at rest yet
  reconcile_report reconciled;
  std::int64_t began_at_ms = 0;
  std::vector<caf::typed_response_promise<reconcile_report>> awaiting_reconciled;
};

/// @param vms_directory  where each new VM gets a folder named by its id
/// @param cleared  how much of no VM was found at start-up, for the report
supervisor_actor::behavior_type
supervisor(supervisor_actor::stateful_pointer<supervisor_state> self,
           std::shared_ptr<const vm_context> context, events_actor events,
           std::string vms_directory, std::vector<known_vm> known, std::uint32_t cleared);

} // namespace banger::actors
