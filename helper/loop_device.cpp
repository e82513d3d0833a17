#include "helper/loop_device.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <memory>
#include <sys/ioctl.h>
#include <sys/stat.h>

namespace banger::helper {

namespace {

constexpr const char* shared_mark = "banger: image, shared";
constexpr const char* own_mark = "banger: changes of a VM";
constexpr int most_tries = 64; // others take the free device that we were told

struct closer {
  void operator()(DIR* x) const { ::closedir(x); }
};

tl::unexpected<failure> no_loops() {
  return fail(ec::missing_program, "use a loop device", "this kernel has none", "modprobe loop");
}

std::string path_of(int number) {
  return "/dev/loop" + std::to_string(number);
}

/// Tries to make the device with this number the file's. @returns a failure only where another
/// number would fail too; an empty path: somebody else has it.
result<loop_device> try_attach(int number, int file, const char* mark, std::uint32_t flags) {
  loop_device x;
  x.fd.reset(::open(path_of(number).c_str(), O_RDWR | O_CLOEXEC));
  if (!x.fd)
    return fail_errno("open " + path_of(number));
  loop_config config{};
  config.fd = static_cast<std::uint32_t>(file);
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR | flags;
  std::strncpy(reinterpret_cast<char*>(config.info.lo_file_name), mark, LO_NAME_SIZE - 1);
  if (::ioctl(x.fd.get(), LOOP_CONFIGURE, &config) == 0) {
    x.path = path_of(number);
    return x;
  }
  if (errno != EBUSY)
    return fail_errno("attach a file to " + path_of(number));
  return loop_device{};
}

result<loop_device> attach(int file, const char* mark, std::uint32_t flags) {
  host::unique_fd control{::open("/dev/loop-control", O_RDWR | O_CLOEXEC)};
  if (!control)
    return errno == ENOENT || errno == ENODEV || errno == ENXIO
               ? no_loops()
               : fail_errno("open /dev/loop-control");
  for (int i = 0; i < most_tries; ++i) {
    auto number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0)
      return fail_errno("find a free loop device");
    auto attached = try_attach(number, file, mark, flags);
    if (!attached || !attached->path.empty())
      return attached;
  }
  return fail(ec::busy, "find a free loop device", "others took each that was free",
              "losetup --list");
}

/// Whether a device, held open, is the one of this file that all share.
bool is_shared_device_of(int device, const struct stat& file) {
  loop_info64 info{};
  return ::ioctl(device, LOOP_GET_STATUS64, &info) == 0 && info.lo_device == file.st_dev &&
         info.lo_inode == file.st_ino && (info.lo_flags & LO_FLAGS_READ_ONLY) != 0 &&
         (info.lo_flags & LO_FLAGS_AUTOCLEAR) != 0 && info.lo_offset == 0 &&
         info.lo_sizelimit == 0 &&
         std::strncmp(reinterpret_cast<const char*>(info.lo_file_name), shared_mark,
                      LO_NAME_SIZE) == 0;
}

/// The device that is there already; an empty path where there is none.
loop_device find_shared(const struct stat& file) {
  std::unique_ptr<DIR, closer> blocks{::opendir("/sys/block")};
  while (const auto* entry = blocks ? ::readdir(blocks.get()) : nullptr) {
    const std::string name = entry->d_name;
    struct stat attached {};
    if (!name.starts_with("loop") ||
        ::stat(("/sys/block/" + name + "/loop").c_str(), &attached) != 0)
      continue; // no loop device, or one without a file
    loop_device x{"/dev/" + name,
                  host::unique_fd{::open(("/dev/" + name).c_str(), O_RDONLY | O_CLOEXEC)}};
    // Held, it can't be detached any more: what is true now stays so.
    if (x.fd && is_shared_device_of(x.fd.get(), file))
      return x;
  }
  return {};
}

} // namespace

result<loop_device> attach_loop(int file) {
  return attach(file, own_mark, 0);
}

result<loop_device> share_loop(int file) {
  struct stat found {};
  if (::fstat(file, &found) != 0)
    return fail_errno("look at an image");
  auto shared = find_shared(found);
  if (!shared.path.empty())
    return shared;
  return attach(file, shared_mark, LO_FLAGS_READ_ONLY);
}

} // namespace banger::helper
