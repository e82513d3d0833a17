#include "actors/supervisor_views.hpp"

#include <algorithm>
#include <tuple>

namespace banger::actors {

vm_list list_known_vms(const supervisor_state& state) {
  vm_list all;
  all.vms.reserve(state.vms.size());
  for (const auto& [id, vm] : state.vms)
    all.vms.push_back(vm.info);
  std::sort(all.vms.begin(), all.vms.end(),
            [](const vm_info& a, const vm_info& b) { return a.name < b.name; });
  return all;
}

vm_counts count_known_vms(const supervisor_state& state) {
  vm_counts counts;
  counts.all = static_cast<std::uint32_t>(state.vms.size());
  counts.reconciled = state.reconciled;
  for (const auto& [id, vm] : state.vms) {
    counts.running += vm.info.state == vm_state::running ? 1 : 0;
    counts.vcpus_running += vm.info.running_vcpu_count;
    counts.memory_running_mib += vm.info.running_memory_mib;
  }
  return counts;
}

used_images images_in_use(const supervisor_state& state) {
  used_images used;
  for (const auto& [id, vm] : state.vms)
    used.builds.push_back(vm.info.image);
  return used;
}

guest_found find_running_guest(const supervisor_state& state, const find_guest& x) {
  for (const auto& [id, vm] : state.vms)
    if (vm.info.name == x.name)
      return {vm.info.state == vm_state::running ? vm.info.address : std::string{}};
  return {};
}

session_list list_known_sessions(const supervisor_state& state, const std::string& vm_id) {
  session_list all;
  for (const auto& [id, vm] : state.vms)
    if (vm_id.empty() || vm_id == id)
      for (const auto& [session_id, info] : vm.sessions)
        all.sessions.push_back(info);
  std::sort(all.sessions.begin(), all.sessions.end(), [](const auto& a, const auto& b) {
    return std::tie(a.vm_name, a.created_at_ms, a.id) < std::tie(b.vm_name, b.created_at_ms, b.id);
  });
  return all;
}

void note_session(supervisor_state& state, const session_changed& x) {
  auto vm = state.vms.find(x.vm_id);
  if (vm == state.vms.end())
    return;
  if (x.is_gone)
    vm->second.sessions.erase(x.info.id);
  else
    vm->second.sessions.insert_or_assign(x.info.id, x.info);
}

} // namespace banger::actors
