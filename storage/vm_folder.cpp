#include "storage/vm_folder.hpp"

#include "core/bridge_network.hpp"
#include "core/cpio.hpp"
#include "core/firecracker_plan.hpp"
#include "core/snapshot_disk.hpp"
#include "host/clock.hpp"
#include "host/console_log.hpp"
#include "host/files.hpp"
#include "host/process.hpp"
#include "host/random.hpp"

#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace banger::storage {

namespace {

constexpr int tool_limit_ms = 120'000;
constexpr std::size_t max_key = 16U << 10;
constexpr std::size_t max_initrd = 64U << 20;
constexpr std::uint32_t most_log_bytes = 64U << 10;

/// Runs one of Debian's tools. Errors: missing_program with the package, or the tool's own last
/// line.
result<void> run_tool(const std::string& name, const std::string& package,
                      std::vector<std::string> arguments) {
  auto program = host::find_program(name, host::search_path());
  if (!program)
    return fail(ec::missing_program, "find " + name, "it is not installed",
                "apt-get install " + package);
  arguments.insert(arguments.begin(), *program);
  host::spawn_request spawn;
  spawn.argv = std::move(arguments);
  if (auto output = host::run_blocking(spawn, tool_limit_ms); !output)
    return tl::make_unexpected(output.error());
  return {};
}

result<void> make_host_key(const make_vm_files& x) {
  return run_tool("ssh-keygen", "openssh-client",
                  {"-q", "-t", "ed25519", "-N", "", "-C", "banger:" + x.name, "-f",
                   x.directory + "/ssh_host_ed25519_key"});
}

/// A whole disk of its own: sharing the image's blocks where the file system can, else sparse.
result<void> copy_root_disk(const make_vm_files& x) {
  const auto path = core::firecracker::root_disk(x.directory);
  host::unique_fd from{::open(x.root_path.c_str(), O_RDONLY | O_CLOEXEC)};
  host::unique_fd to{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!from || !to)
    return fail_errno("copy " + x.root_path + " to " + path);
  if (x.root_format == "raw" && ::ioctl(to.get(), FICLONE, from.get()) == 0)
    return {};
  return run_tool("qemu-img", "qemu-utils",
                  {"convert", "-q", "-f", x.root_format, "-O", "raw", x.root_path, path});
}

/// The file of a snapshot's changes; all zeros is a new one.
result<void> make_changes_file(const make_vm_files& x) {
  if (x.root_format != "raw")
    return fail(ec::bad_request, "make a snapshot of the image", "its disk is not raw",
                "--root-disk overlay");
  auto image_bytes = host::file_size(x.root_path);
  if (image_bytes == 0 || image_bytes % core::sector_bytes != 0)
    return fail(ec::not_found, "make a snapshot of the image", x.root_path + " is no disk");
  auto path = x.directory + "/root.cow";
  host::unique_fd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(core::snapshot_file_bytes(image_bytes))) != 0)
    return fail_errno("make " + path);
  return {};
}

result<void> make_root_disk(const make_vm_files& x) {
  if (x.is_root_raw)
    return copy_root_disk(x);
  if (x.root_disk == root_disk_kind::snapshot)
    return make_changes_file(x);
  return run_tool("qemu-img", "qemu-utils",
                  {"create", "-q", "-f", "qcow2", "-b", x.root_path, "-F", x.root_format,
                   x.directory + "/root.qcow2"});
}

/// Sparse. Without the lazy options mke2fs would write the whole journal; with nodiscard the guest
/// would later have to zero the inode tables.
result<void> make_work_disk(const make_vm_files& x) {
  auto path = x.directory + "/work.ext4";
  host::unique_fd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(x.disk_mib) << 20) != 0)
    return fail_errno("make " + path);
  fd.reset();
  return run_tool("mke2fs", "e2fsprogs",
                  {"-q", "-F", "-t", "ext4", "-L", "banger-work", "-m", "0", "-E",
                   "lazy_itable_init=1,lazy_journal_init=1", path});
}

result<std::string> fill_folder(const make_vm_files& x) {
  if (auto ok = host::make_private_directory(x.directory); !ok)
    return tl::make_unexpected(ok.error());
  for (auto* step : {make_host_key, make_root_disk, make_work_disk})
    if (auto ok = step(x); !ok)
      return tl::make_unexpected(ok.error());
  auto key = host::read_file(x.directory + "/ssh_host_ed25519_key.pub", max_key);
  if (!key)
    return key;
  auto second_space = key->find(' ', key->find(' ') + 1); // without the comment
  return key->substr(0, std::min(second_space, key->find('\n')));
}

} // namespace

result<std::string> make_vm_folder(const make_vm_files& x) {
  if (host::exists(x.directory))
    return fail(ec::already_exists, "make the folder " + x.directory, "it is there already",
                "move it out of the way");
  auto key = fill_folder(x);
  if (!key)
    (void)host::remove_tree(x.directory);
  return key;
}

namespace {

/// The lines of a guest's configuration that say how it reaches networks.
std::string network_lines(const std::string& bridged_address) {
  if (bridged_address.empty()) // as banger-net has it
    return "address=10.0.2.15/24\ngateway=10.0.2.2\ndns=10.0.2.3\n";
  auto text = "address=" + bridged_address + "/" + std::to_string(core::bridge_prefix) +
              "\ngateway=" + std::string{core::bridge_address} + "\n";
  // The second is where systemd-resolved has the real ones, when the first names itself.
  for (const char* path : {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"})
    if (auto conf = host::read_file(path, max_key); conf)
      if (auto server = core::reachable_name_server(*conf); !server.empty())
        return text + "dns=" + server + "\n";
  return text;
}

} // namespace

result<void> write_boot_archive(const write_boot_files& x) {
  auto initrd = host::read_file(x.base_initrd, max_initrd);
  if (!initrd)
    return tl::make_unexpected(initrd.error());
  auto modules = x.more_modules.empty() ? result<std::string>{std::string{}}
                                        : host::read_file(x.more_modules, max_initrd);
  if (!modules)
    return fail(modules.error().code, "find the image's modules for Firecracker",
                "it was built by an older banger", "banger image build, and a new VM of it");
  auto host_key = host::read_file(x.directory + "/ssh_host_ed25519_key", max_key);
  if (!host_key)
    return tl::make_unexpected(host_key.error());
  auto now = host::unix_ms();
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%lld.%03d", static_cast<long long>(now / 1000),
                static_cast<int>(now % 1000));
  auto config = std::string{"time="} + seconds + "\n" + network_lines(x.bridged_address) +
                "seed=" + host::random_hex(32) + "\n";
  auto own = core::cpio_archive(
      {{"banger", "", core::cpio_directory},
       {"banger/hostname", x.name + "\n", core::cpio_private_file},
       {"banger/authorized_keys", x.authorized_key + "\n", core::cpio_private_file},
       {"banger/ssh_host_ed25519_key", *host_key, core::cpio_private_file},
       {"banger/config", config, core::cpio_private_file}});
  if (auto ok = cap_console_log(x.directory + "/console.log"); !ok)
    return ok;
  return host::write_file(x.directory + "/initrd.cpio", *initrd + *modules + own, 0600);
}

result<void> grow_work_disk(const grow_disk& x) {
  const auto path = x.directory + "/work.ext4";
  const auto wanted = static_cast<off_t>(x.disk_mib) << 20;
  host::unique_fd fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0)
    return fail_errno("open " + path);
  // On disk before the guest grows its file system into what is new, also where an attempt before
  // grew the file and failed behind that. It is never made smaller again: the answer may come so
  // late that a guest uses it, and what is new is a hole.
  if ((info.st_size >= wanted || ::ftruncate(fd.get(), wanted) == 0) && ::fsync(fd.get()) == 0)
    return {};
  return fail_errno("grow " + path);
}

result<void> cap_console_log(const std::string& path) {
  auto capped = host::cap_log(path, console_cap);
  if (!capped)
    return tl::make_unexpected(capped.error());
  return {};
}

void remove_leftovers(const std::string& directory) {
  for (const char* name :
       {"/qmp.sock", "/control.sock", "/port.sock", "/api.sock", "/vsock.sock", "/vsock.sock_1024",
        "/net.counters", "/handles.json.tmp", "/initrd.cpio.tmp"})
    host::remove_file(directory + name);
}

std::string handles_path(const std::string& directory) {
  return directory + "/handles.json";
}

result<console_chunk> read_log_piece(const read_log& x) {
  host::unique_fd fd{::open(x.path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd)
    return errno == ENOENT ? result<console_chunk>{console_chunk{}} : fail_errno("open " + x.path);
  auto size = static_cast<std::uint64_t>(std::max<off_t>(::lseek(fd.get(), 0, SEEK_END), 0));
  console_chunk chunk;
  auto back = std::min(x.offset, size);
  chunk.offset = x.is_from_end ? size - back : back;
  auto most = x.max_bytes == 0 ? most_log_bytes : std::min(x.max_bytes, most_log_bytes);
  chunk.bytes.resize(std::min<std::uint64_t>(most, size - chunk.offset));
  auto n =
      ::pread(fd.get(), chunk.bytes.data(), chunk.bytes.size(), static_cast<off_t>(chunk.offset));
  if (n < 0)
    return fail_errno("read " + x.path);
  chunk.bytes.resize(static_cast<std::size_t>(n));
  chunk.next_offset = chunk.offset + chunk.bytes.size();
  return chunk;
}

} // namespace banger::storage
