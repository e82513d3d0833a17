#include "core/vm_record_check.hpp"

#include "core/bridge_network.hpp"
#include "core/guest_address.hpp"
#include "core/sizes.hpp"
#include "core/vm_name.hpp"

namespace banger::core {

bool is_vm_id(std::string_view text) {
  constexpr std::size_t id_size = 12;
  return text.size() == id_size && text.find_first_not_of("0123456789abcdef") == text.npos;
}

vm_record placed_in(vm_record x, const std::string& vms) {
  x.directory = vms + "/" + x.id;
  return x;
}

result<void> check_record(const vm_record& x) {
  auto damaged = [](const failure& why) {
    return fail(ec::storage_failed, "its record is damaged: " + why.what, why.why,
                "banger vm delete, or restore the database");
  };
  if (!is_vm_id(x.id))
    return damaged({ec::failed, "id '" + x.id + "'", "not 12 hex digits", {}});
  if (auto ok = check_vm_name(x.name); !ok)
    return damaged(ok.error());
  if (auto ok = check_image_name(x.image); !ok)
    return damaged(ok.error());
  if (auto ok = check_vm_sizes(x.vcpu_count, x.memory_mib, x.disk_mib); !ok)
    return damaged(ok.error());
  if (x.network > network_kind::tap || x.root_disk > root_disk_kind::snapshot)
    return damaged({ec::failed, "network or root disk", "of no kind that there is", {}});
  const auto is_bridged = x.network == network_kind::tap;
  if (!(is_bridged ? bridged_address_index(x.address) : guest_address_index(x.address)))
    return damaged({ec::failed, "address '" + x.address + "'", "not one of a guest", {}});
  if (x.ssh_port == 0)
    return damaged({ec::failed, "port 0", "no guest can be reached there", {}});
  return {};
}

} // namespace banger::core
