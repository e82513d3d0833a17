#include "helper/disks.hpp"

#include "helper/device_mapper.hpp"
#include "helper/loop_device.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace banger::helper {

namespace {

constexpr std::uint32_t disks_max = 512; // of a user

/// Sectors of a regular file that is open in the right way.
result<std::uint64_t> check_file(int file, int wanted_mode, const char* name) {
  struct stat found {};
  if (::fstat(file, &found) != 0)
    return fail_errno(std::string{"look at the "} + name);
  auto mode = ::fcntl(file, F_GETFL) & O_ACCMODE;
  const auto is_right = S_ISREG(found.st_mode) && mode == wanted_mode && found.st_size > 0 &&
                        static_cast<std::uint64_t>(found.st_size) % core::sector_bytes == 0;
  if (!is_right)
    return fail(ec::bad_request, std::string{"use the "} + name,
                "it must be a regular file of whole sectors, opened for what it is for");
  return static_cast<std::uint64_t>(found.st_size) / core::sector_bytes;
}

bool is_missing(const failure& why) {
  return why.code == ec::missing_program;
}

} // namespace

result<host::unique_fd> disks::attach(const std::string& vm_id, int image, int changes) const {
  auto sectors = check_file(image, O_RDONLY, "image");
  if (!sectors)
    return tl::make_unexpected(sectors.error());
  if (auto ok = check_file(changes, O_RDWR, "file of changes"); !ok)
    return tl::make_unexpected(ok.error());
  auto mapper = device_mapper::open();
  if (!mapper)
    return tl::make_unexpected(mapper.error());
  const auto name = core::snapshot_name(owner_, vm_id);
  // One that nobody has open is on its way out: its VM was given up a moment ago.
  if (auto is_unused = mapper->is_unused(name); is_unused && *is_unused)
    (void)mapper->remove(name);
  if (auto made = count(); !made || *made >= disks_max)
    return made ? fail(ec::no_space, "make a snapshot",
                       "the user has " + std::to_string(*made) + " already", "banger vm stop VM")
                : tl::make_unexpected(made.error());
  auto base = share_loop(image);
  if (!base)
    return tl::make_unexpected(base.error());
  auto own = attach_loop(changes);
  if (!own)
    return tl::make_unexpected(own.error());
  return mapper->make(name,
                      {"snapshot", core::snapshot_arguments(base->path, own->path), *sectors});
}

result<host::unique_fd> disks::lend(const std::string& vm_id, int image, int changes) const {
  constexpr mode_t for_its_user = 0600;
  auto made = attach(vm_id, image, changes);
  if (!made)
    return made;
  const auto node = made->get();
  if (::fchmod(node, for_its_user) != 0 || ::fchown(node, owner_, static_cast<gid_t>(-1)) != 0)
    return fail_errno("give a disk's node to its user"); // the disk goes with its descriptor
  return made;
}

result<core::snapshot_state> disks::look(const std::string& vm_id) const {
  auto mapper = device_mapper::open();
  if (!mapper)
    return tl::make_unexpected(mapper.error());
  auto text = mapper->status(core::snapshot_name(owner_, vm_id));
  if (!text)
    return tl::make_unexpected(text.error());
  return core::parse_snapshot_state(*text);
}

result<void> disks::release(const std::string& vm_id) const {
  auto mapper = device_mapper::open();
  if (!mapper)
    return is_missing(mapper.error()) ? result<void>{} : tl::make_unexpected(mapper.error());
  return mapper->remove(core::snapshot_name(owner_, vm_id));
}

result<void> disks::release_unused() const {
  auto mapper = device_mapper::open();
  if (!mapper)
    return is_missing(mapper.error()) ? result<void>{} : tl::make_unexpected(mapper.error());
  auto names = mapper->list();
  if (!names)
    return tl::make_unexpected(names.error());
  result<void> first;
  for (const auto& name : *names) {
    if (!core::is_snapshot_of(name, owner_))
      continue;
    auto is_unused = mapper->is_unused(name);
    if (is_unused && *is_unused)
      if (auto removed = mapper->remove(name); !removed && first)
        first = std::move(removed);
  }
  return first;
}

result<std::uint32_t> disks::count() const {
  auto mapper = device_mapper::open();
  if (!mapper)
    return is_missing(mapper.error()) ? result<std::uint32_t>{0U}
                                      : tl::make_unexpected(mapper.error());
  auto names = mapper->list();
  if (!names)
    return tl::make_unexpected(names.error());
  auto ours = std::count_if(names->begin(), names->end(), [this](const std::string& name) {
    return core::is_snapshot_of(name, owner_);
  });
  return static_cast<std::uint32_t>(ours);
}

} // namespace banger::helper
