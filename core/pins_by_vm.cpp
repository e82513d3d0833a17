#include "core/pins_by_vm.hpp"

#include "core/known_hosts.hpp"

#include <map>
#include <unordered_map>
#include <utility>

namespace banger::core {

host_key_list pins_by_vm(const std::vector<const vm_info*>& vms, const host_key_list& lines) {
  std::unordered_map<std::string, const vm_info*> vm_of;
  for (const auto* vm : vms) {
    vm_of[vm->name + ".vm"] = vm;
    vm_of[known_hosts::host_name_for(vm->address, vm->ssh_port)] = vm;
  }
  host_key_list all{lines.path, {}};
  std::map<std::pair<std::string, std::string>, std::size_t> entry_of; // by VM and key
  for (auto pin : lines.keys) {
    for (const auto& name : pin.names)
      if (auto vm = vm_of.find(name); vm != vm_of.end()) {
        pin.vm_name = vm->second->name;
        pin.is_quarantined = vm->second->is_quarantined;
      }
    auto [known, is_new] = entry_of.try_emplace({pin.vm_name, pin.key}, all.keys.size());
    if (is_new || pin.vm_name.empty()) {
      all.keys.push_back(std::move(pin));
    } else {
      auto& names = all.keys[known->second].names;
      names.insert(names.end(), pin.names.begin(), pin.names.end());
    }
  }
  return all;
}

} // namespace banger::core
