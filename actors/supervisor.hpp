// SUPERVISOR: the registry of VMs. Spawns, monitors, routes; decides nothing about a VM.
#pragma once

#include "actors/vm.hpp"
#include "protocol/actors.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace banger::actors {

/// A VM as the supervisor finds it at start-up.
struct known_vm {
  vm_record record;
  vm_past past;
};

struct supervised_vm {
  vm_actor actor;                      ///< none while it is restarted, or given up
  vm_info info;                        ///< the last it told
  std::deque<std::int64_t> crashes_ms; ///< when it failed of late
};

struct supervisor_state {
  static inline const char* name = "supervisor";
  std::shared_ptr<const vm_context> context;
  events_actor events;
  std::string vms_directory;
  std::map<std::string, supervised_vm> vms; ///< by id
};

/// @param vms_directory  where each new VM gets a folder named by its id
supervisor_actor::behavior_type
supervisor(supervisor_actor::stateful_pointer<supervisor_state> self,
           std::shared_ptr<const vm_context> context, events_actor events,
           std::string vms_directory, std::vector<known_vm> known);

} // namespace banger::actors
