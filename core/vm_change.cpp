#include "core/vm_change.hpp"

#include "core/sizes.hpp"

namespace banger::core {

result<vm_record> with_change(const vm_record& now, const set_vm& wanted) {
  const auto what = "set vm '" + now.name + "'";
  if (wanted.vcpu_count == 0 && wanted.memory_mib == 0 && wanted.disk_mib == 0 &&
      wanted.nat == nat_change::none)
    return fail(ec::bad_request, what, "nothing to change was given",
                "banger vm set " + now.name + " --memory 1G");
  auto next = now;
  if (wanted.vcpu_count != 0)
    next.vcpu_count = wanted.vcpu_count;
  if (wanted.memory_mib != 0)
    next.memory_mib = wanted.memory_mib;
  if (wanted.disk_mib != 0)
    next.disk_mib = wanted.disk_mib;
  if (wanted.nat != nat_change::none && now.network != network_kind::tap)
    return fail(ec::bad_request, what, "NAT is for VMs with a tap, and its network is another",
                "make a new VM with --network tap");
  if (wanted.nat != nat_change::none)
    next.has_nat = wanted.nat == nat_change::on;
  if (next.disk_mib < now.disk_mib)
    return fail(ec::bad_request, what,
                "its disk has " + format_mib(now.disk_mib) + " and cannot become smaller",
                "make a new VM with a smaller --disk, and copy what you need: banger vm cp");
  if (auto ok = check_vm_sizes(next.vcpu_count, next.memory_mib, next.disk_mib); !ok)
    return tl::make_unexpected(ok.error());
  return next;
}

std::string describe_change(const vm_record& before, const vm_record& after) {
  std::string text;
  auto add = [&text](const char* name, const std::string& from, const std::string& to) {
    if (from != to)
      text += (text.empty() ? "" : ", ") + std::string{name} + " " + from + " -> " + to;
  };
  add("vcpu", std::to_string(before.vcpu_count), std::to_string(after.vcpu_count));
  add("memory", format_mib(before.memory_mib), format_mib(after.memory_mib));
  add("disk", format_mib(before.disk_mib), format_mib(after.disk_mib));
  add("nat", before.has_nat ? "on" : "off", after.has_nat ? "on" : "off");
  return text;
}

} // namespace banger::core
