// A file of its own: a test's daemon is linked to another one.
#include "hypervisor/firecracker_process.hpp"

#include <cerrno>
#include <fcntl.h>

namespace banger::hypervisor {

result<void> check_kvm() {
  host::unique_fd kvm{::open("/dev/kvm", O_RDWR | O_CLOEXEC)};
  if (kvm)
    return {};
  const auto error = errno;
  failure why{ec::hypervisor_failed,
              "use /dev/kvm, which Firecracker needs",
              std::generic_category().message(error),
              {}};
  why.hint = error == EACCES ? "adduser $USER kvm, and log in anew; or use --driver qemu"
                             : "load kvm_intel or kvm_amd, where the processor has it; or use "
                               "--driver qemu";
  return tl::make_unexpected(why);
}

} // namespace banger::hypervisor
