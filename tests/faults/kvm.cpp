// A daemon of a test takes a stand-in for Firecracker, which needs no /dev/kvm, where
// BANGER_TEST_NO_KVM is set.
#include "hypervisor/firecracker_process.hpp"

#include <cstdlib>

namespace banger::hypervisor {

result<void> check_kvm() {
  if (std::getenv("BANGER_TEST_NO_KVM") != nullptr)
    return {};
  return fail(ec::hypervisor_failed, "use /dev/kvm, which Firecracker needs",
              "this is a test's daemon", "use --driver qemu");
}

} // namespace banger::hypervisor
