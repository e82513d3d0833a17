#include "helper/device_mapper.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

namespace banger::helper {

namespace {

constexpr std::size_t buffer_size = 64U << 10;
constexpr const char* control_path = "/dev/mapper/control";

/// One call: the kernel's struct, and room for what comes behind it.
class call {
public:
  explicit call(const std::string& name = {}, std::uint32_t flags = 0) : buffer_(buffer_size) {
    auto& x = head();
    x.version[0] = DM_VERSION_MAJOR;
    x.data_size = buffer_size;
    x.data_start = sizeof(dm_ioctl);
    x.flags = flags;
    std::memcpy(x.name, name.data(), std::min(name.size(), sizeof x.name - 1));
  }

  dm_ioctl& head() { return *reinterpret_cast<dm_ioctl*>(buffer_.data()); }
  char* data() { return buffer_.data() + sizeof(dm_ioctl); }
  [[nodiscard]] bool is_cut() { return (head().flags & DM_BUFFER_FULL_FLAG) != 0; }

  [[nodiscard]] bool run(const host::unique_fd& control, unsigned long request) {
    return ::ioctl(control.get(), request, buffer_.data()) == 0;
  }

private:
  std::vector<char> buffer_; // from operator new, so it is aligned for any of them
};

tl::unexpected<failure> dm_failure(const std::string& what) {
  if (errno == EBUSY)
    return fail(ec::busy, what, "it is in use, or its name is", "dmsetup info; fuser");
  if (errno == ENXIO)
    return fail(ec::not_found, what, "there is no such device");
  return fail_errno(what);
}

} // namespace

result<device_mapper> device_mapper::open() {
  host::unique_fd control{::open(control_path, O_RDWR | O_CLOEXEC)};
  if (!control && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
    return fail(ec::missing_program, "use device-mapper", "this kernel has none, or not loaded",
                "modprobe dm-snapshot; or --root-disk overlay");
  if (!control)
    return fail_errno(std::string{"open "} + control_path);
  return device_mapper{std::move(control)};
}

result<std::uint64_t> device_mapper::create(const std::string& name) const {
  call x{name};
  if (x.run(control_, DM_DEV_CREATE))
    return x.head().dev;
  if (errno == EBUSY)
    return fail(ec::already_exists, "make the device " + name, "there is one already",
                "dmsetup info " + name);
  return dm_failure("make the device " + name);
}

result<void> device_mapper::load(const std::string& name, const target& what) const {
  call x{name};
  auto& spec = *reinterpret_cast<dm_target_spec*>(x.data());
  if (what.kind.size() >= sizeof spec.target_type ||
      what.arguments.size() + 1 > buffer_size - sizeof(dm_ioctl) - sizeof spec)
    return fail(ec::bad_request, "load the table of " + name, "it is too long");
  x.head().target_count = 1;
  spec.length = what.sectors;
  std::memcpy(spec.target_type, what.kind.data(), what.kind.size());
  std::memcpy(x.data() + sizeof spec, what.arguments.data(), what.arguments.size());
  if (x.run(control_, DM_TABLE_LOAD))
    return {};
  if (errno == EINVAL)
    return fail(ec::missing_program, "load the table of " + name,
                "the kernel refused it: it has no such target, or its log says why",
                "modprobe dm-" + what.kind + "; dmesg");
  return dm_failure("load the table of " + name);
}

result<void> device_mapper::resume(const std::string& name) const {
  call x{name}; // DM_DEV_SUSPEND without the flag resumes
  return x.run(control_, DM_DEV_SUSPEND) ? result<void>{} : dm_failure("start the device " + name);
}

result<void> device_mapper::remove_after_use(const std::string& name) const {
  call x{name, DM_DEFERRED_REMOVE};
  return x.run(control_, DM_DEV_REMOVE) ? result<void>{}
                                        : dm_failure("let go of the device " + name);
}

result<host::unique_fd> device_mapper::make(const std::string& name, const target& what) const {
  auto device = create(name);
  if (!device)
    return tl::make_unexpected(device.error());
  auto ok = load(name, what);
  if (ok)
    ok = resume(name);
  host::unique_fd fd;
  if (ok) {
    // devtmpfs has its node before the ioctl returns; /dev/mapper is udev's, and comes when it
    // comes.
    auto path = "/dev/dm-" + std::to_string(minor(static_cast<dev_t>(*device)));
    fd.reset(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd)
      ok = fail_errno("open " + path);
  }
  if (ok)
    ok = remove_after_use(name);
  if (ok)
    return fd;
  fd.reset();
  (void)remove(name);
  return tl::make_unexpected(ok.error());
}

result<void> device_mapper::remove(const std::string& name) const {
  call x{name};
  if (x.run(control_, DM_DEV_REMOVE) || errno == ENXIO)
    return {};
  return dm_failure("remove the device " + name);
}

result<std::string> device_mapper::status(const std::string& name) const {
  call x{name};
  if (!x.run(control_, DM_TABLE_STATUS))
    return dm_failure("ask the device " + name);
  if (x.head().target_count != 1 || x.is_cut())
    return fail(ec::failed, "ask the device " + name, "it has another table than ours");
  x.data()[buffer_size - sizeof(dm_ioctl) - 1] = '\0';
  return std::string{x.data() + sizeof(dm_target_spec)};
}

result<bool> device_mapper::is_unused(const std::string& name) const {
  call x{name};
  if (x.run(control_, DM_DEV_STATUS))
    return x.head().open_count == 0;
  if (errno == ENXIO)
    return false;
  return dm_failure("look at the device " + name);
}

result<std::vector<std::string>> device_mapper::list() const {
  call x;
  if (!x.run(control_, DM_LIST_DEVICES))
    return dm_failure("list the devices");
  if (x.is_cut())
    return fail(ec::failed, "list the devices", "there are too many");
  std::vector<std::string> all;
  const auto* at = x.data();
  const auto* end = at + (buffer_size - sizeof(dm_ioctl));
  for (;;) {
    dm_name_list entry{};
    if (end - at < static_cast<std::ptrdiff_t>(sizeof entry))
      return all;
    std::memcpy(&entry, at, sizeof entry);
    if (entry.dev == 0)
      return all;
    all.emplace_back(at + offsetof(dm_name_list, name));
    if (entry.next == 0)
      return all;
    at += entry.next;
  }
}

} // namespace banger::helper
