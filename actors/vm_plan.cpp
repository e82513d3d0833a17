#include "actors/vm_plan.hpp"

#include "core/guest_address.hpp"
#include "core/sizes.hpp"
#include "core/vm_name.hpp"
#include "core/vm_record_check.hpp"
#include "host/clock.hpp"
#include "host/random.hpp"
#include "hypervisor/firecracker_process.hpp"

#include <algorithm>
#include <utility>

namespace banger::actors {

namespace {

constexpr std::uint32_t default_vcpus = 1, default_memory_mib = 512, default_disk_mib = 8192;
constexpr std::uint16_t ssh_port_of_guests = 22; // with an address of its own nobody else has it

/// What the command line refuses too, of a client that is none.
result<void> check_host_needs(const vm_config& x) {
  if (x.network > network_kind::tap || x.root_disk > root_disk_kind::snapshot)
    return fail(ec::bad_request, "create vm", "there is no such network or root disk",
                "--network user or tap, --root-disk overlay or snapshot");
  if (x.network == network_kind::tap && x.is_isolated)
    return fail(ec::bad_request, "create vm", "a VM with a tap is not isolated",
                "--network tap --no-nat, or --network none");
  return {};
}

/// A VM that could never start here is not made.
result<void> check_driver(const vm_record& record) {
  if (record.driver == vm_driver::qemu)
    return {};
  if (auto found = hypervisor::find_firecracker({}); !found)
    return tl::make_unexpected(found.error());
  core::firecracker::launch plan;
  plan.id = record.id;
  plan.directory = record.directory;
  plan.vcpu_count = record.vcpu_count;
  return core::firecracker::check_launch(plan);
}

} // namespace

result<vm_record> plan_record(const supervisor_state& state, const vm_config& config) {
  vm_record record;
  record.name = config.name;
  auto is_taken = [&](const std::string& name) {
    return std::any_of(state.vms.begin(), state.vms.end(),
                       [&](const auto& x) { return x.second.info.name == name; });
  };
  if (record.name.empty()) {
    do
      record.name = core::random_vm_name(host::random_u64());
    while (is_taken(record.name));
  }
  if (auto ok = core::check_vm_name(record.name); !ok)
    return tl::make_unexpected(ok.error());
  if (is_taken(record.name))
    return fail(ec::already_exists, "create vm '" + record.name + "'", "the name is taken",
                "choose another --name, or: banger vm delete " + record.name);
  record.image = config.image.empty() ? "debian" : config.image;
  record.vcpu_count = config.vcpu_count != 0 ? config.vcpu_count : default_vcpus;
  record.memory_mib = config.memory_mib != 0 ? config.memory_mib : default_memory_mib;
  record.disk_mib = config.disk_mib != 0 ? config.disk_mib : default_disk_mib;
  if (auto ok = core::check_vm_sizes(record.vcpu_count, record.memory_mib, record.disk_mib); !ok)
    return tl::make_unexpected(ok.error());
  record.driver = config.driver;
  if (auto ok = check_host_needs(config); !ok)
    return tl::make_unexpected(ok.error());
  record.network = config.network;
  record.has_nat = config.has_nat;
  record.root_disk = config.root_disk;
  // Without a tap a Firecracker VM has no network card: the way in is its virtual socket.
  record.is_isolated = config.is_isolated || (config.driver == vm_driver::firecracker &&
                                              config.network != network_kind::tap);
  record.is_ephemeral = config.is_ephemeral;
  record.owner = config.owner;
  record.owner_token = config.owner_token;
  record.ssh_port = config.network == network_kind::tap ? ssh_port_of_guests : core::guest_ssh_port;
  record.created_at_ms = host::unix_ms();
  do
    record.id = host::random_hex(6);
  while (state.vms.contains(record.id));
  record = core::placed_in(std::move(record), state.vms_directory);
  if (auto ok = check_driver(record); !ok)
    return tl::make_unexpected(ok.error());
  return record;
}

} // namespace banger::actors
