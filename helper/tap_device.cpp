#include "helper/tap_device.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

namespace banger::helper {

result<host::unique_fd> make_tap(const std::string& name) {
  host::unique_fd fd{::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK)};
  if (!fd && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
    return fail(ec::missing_program, "make a tap", "this kernel has no /dev/net/tun",
                "modprobe tun");
  if (!fd)
    return fail_errno("open /dev/net/tun");
  ifreq request{};
  if (name.size() >= sizeof request.ifr_name)
    return fail(ec::bad_request, "make the tap " + name, "its name is too long");
  std::memcpy(request.ifr_name, name.data(), name.size());
  // TUN_EXCL: of a tap that is there, and that nobody holds, we would else become the holder.
  request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL);
  if (::ioctl(fd.get(), TUNSETIFF, &request) == 0)
    return fd;
  if (errno == EBUSY || errno == EEXIST)
    return fail(ec::already_exists, "make the tap " + name, "there is one already",
                "ip link show " + name);
  return fail_errno("make the tap " + name);
}

result<void> keep_for_user(const host::unique_fd& tap, std::uint32_t user) {
  // The user first: one that is kept, and is nobody's, is everybody's.
  if (::ioctl(tap.get(), TUNSETOWNER, static_cast<unsigned long>(user)) != 0 ||
      ::ioctl(tap.get(), TUNSETPERSIST, 1UL) != 0)
    return fail_errno("keep a tap for its user");
  return {};
}

} // namespace banger::helper
