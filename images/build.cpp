#include "images/build.hpp"

#include "core/bzimage.hpp"
#include "core/cpio.hpp"
#include "core/module_order.hpp"
#include "core/sha256.hpp"
#include "host/clock.hpp"
#include "host/fault_point.hpp"
#include "host/files.hpp"
#include "host/random.hpp"
#include "images/root_tree.hpp"

#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace banger::images {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_kernel = 256U << 20, max_module = 16U << 20, max_program = 16U << 20;

/// Removes the work folder however the build ends.
class work_guard {
public:
  explicit work_guard(std::string path) : path_(std::move(path)) {}
  work_guard(const work_guard&) = delete;
  ~work_guard() { (void)host::remove_tree(path_); }

private:
  std::string path_;
};

result<void> check_space(const std::string& folder) {
  constexpr std::uint64_t needed = 1536ULL << 20; // tar, tree and disk of a small image
  auto free = host::free_bytes(folder);
  if (!free)
    return tl::make_unexpected(free.error());
  if (*free < needed)
    return fail(ec::no_space, "build the image", "less than 1.5 GiB are free in " + folder,
                "make room there");
  return {};
}

std::string kernel_version(const work_folder& work) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{work.tree() + "/usr/lib/modules", error})
    return entry.path().filename().string();
  return {};
}

/// Debian's kernel, decompressed: QEMU starts it half a second sooner.
result<void> extract_kernel(tool_runner& tools, const work_folder& work) {
  auto image = host::read_file(work.tree() + "/boot/vmlinuz", max_kernel);
  if (!image)
    return tl::make_unexpected(image.error());
  auto payload = core::find_kernel_payload(*image);
  if (!payload)
    return tl::make_unexpected(payload.error());
  auto packed = work.path + "/vmlinux." + payload->decompressor;
  if (auto ok = host::write_file(packed, payload->bytes, 0644); !ok)
    return ok;
  const auto& tool = payload->decompressor;
  auto package = tool == "xz" ? "xz-utils" : tool;
  auto ok = tools.run(tool, package, {"-dc"}, {}, packed, work.result() + "/vmlinux");
  std::error_code error;
  fs::remove_all(work.tree() + "/boot", error);
  fs::create_directory(work.tree() + "/boot", error);
  return ok;
}

/// Appends modules to an archive. @param folder  of the kernel's modules @param order  paths in it,
/// in the order to load them @param prefix  of their names: stage0 loads them by name
result<void> add_modules(tool_runner& tools, const work_folder& work, const std::string& folder,
                         const std::vector<std::string>& order, const std::string& prefix,
                         std::vector<core::cpio_entry>& out) {
  int number = 0;
  for (const auto& path : order) {
    auto file = folder + "/" + path;
    if (path.ends_with(".xz")) { // the kernel can do it itself, but not faster
      auto plain = work.path + "/module.ko";
      if (auto ok = tools.run("xz", "xz-utils", {"-dc"}, {}, file, plain); !ok)
        return ok;
      file = plain;
    }
    auto bytes = host::read_file(file, max_module);
    if (!bytes)
      return tl::make_unexpected(bytes.error());
    char place[16];
    std::snprintf(place, sizeof place, "%02d-", number++);
    auto base = path.substr(path.rfind('/') + 1);
    out.push_back({"modules/" + prefix + place + base.substr(0, base.find(".ko") + 3),
                   std::move(*bytes), core::cpio_private_file});
  }
  return {};
}

/// stage0 and the modules it needs to reach the root disk.
result<void> make_initrd(tool_runner& tools, const build_request& request,
                         const work_folder& work) {
  auto stage0 = host::read_file(request.guest_dir + "/stage0", max_program);
  if (!stage0)
    return tl::make_unexpected(stage0.error());
  const auto modules = work.tree() + "/usr/lib/modules/" + kernel_version(work);
  auto dependencies = host::read_file(modules + "/modules.dep", max_module);
  if (!dependencies)
    return tl::make_unexpected(dependencies.error());
  const auto order =
      core::module_load_order(*dependencies, {"virtio_pci", "virtio_blk", "virtio_net",
                                              "virtio_console", "virtio_rng", "button", "evdev"});
  std::vector<core::cpio_entry> entries{{"init", *stage0, core::cpio_program},
                                        {"modules", "", core::cpio_directory}};
  if (auto ok = add_modules(tools, work, modules, order, "", entries); !ok)
    return ok;
  if (auto ok = host::write_file(work.result() + "/initrd.cpio", core::cpio_archive(entries), 0644);
      !ok)
    return ok;
  // What Firecracker's devices need besides, in an archive that is appended for it alone: QEMU's
  // VMs need not load them.
  auto more = core::module_load_order(*dependencies, {"virtio_mmio", "vmw_vsock_virtio_transport"});
  std::erase_if(more, [&order](const std::string& path) {
    return std::find(order.begin(), order.end(), path) != order.end();
  });
  std::vector<core::cpio_entry> extra;
  if (auto ok = add_modules(tools, work, modules, more, "firecracker-", extra); !ok)
    return ok;
  return host::write_file(work.result() + "/firecracker.cpio", core::cpio_archive(extra), 0644);
}

/// Raw and sparse, with a journal: VMs keep their overlays for good, and a killed VM must come up
/// again. Without `nodiscard`, so that the guest need not zero inode tables later.
result<void> make_root_disk(tool_runner& tools, const build_request& request,
                            const work_folder& work) {
  auto path = work.result() + "/root.ext4";
  host::unique_fd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)};
  if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(request.what.root_mib) << 20) != 0)
    return fail_errno("make " + path);
  fd.reset();
  return run_as_owner(tools, work, "mke2fs", "e2fsprogs",
                      {"-q", "-F", "-t", "ext4", "-L", "banger-root", "-m", "1", "-E",
                       "lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0", "-d", work.tree(),
                       path});
}

std::size_t count_packages(const work_folder& work) {
  constexpr std::size_t max_status = 64U << 20;
  auto status = host::read_file(work.tree() + "/var/lib/dpkg/status", max_status);
  if (!status)
    return 0;
  std::size_t count = 0;
  for (auto at = status->find("\nStatus: install ok"); at != std::string::npos;
       at = status->find("\nStatus: install ok", at + 1))
    ++count;
  return count;
}

result<void> write_manifest(const build_request& request, const work_folder& work) {
  auto agent = host::read_file(request.guest_dir + "/banger-agent", max_program);
  auto is_systemd = request.what.init == "systemd";
  nlohmann::json manifest{{"format", 1},
                          {"name", request.name},
                          {"recipe", request.recipe_name},
                          {"created_at", host::unix_ms() / 1000},
                          {"suite", request.what.suite},
                          {"arch", "amd64"},
                          {"kernel_version", kernel_version(work)},
                          {"init", request.what.init},
                          {"cmdline_extra", is_systemd ? "banger.init=/lib/systemd/systemd" : ""},
                          {"root",
                           {{"file", "root.ext4"},
                            {"format", "raw"},
                            {"virtual_size", std::uint64_t{request.what.root_mib} << 20}}},
                          {"packages", count_packages(work)},
                          {"agent_sha256", core::sha256_hex(agent ? *agent : std::string{})},
                          {"host_keys", "seeded"}};
  return host::write_file_durably(work.result() + "/manifest.json", manifest.dump(2) + "\n", 0644);
}

/// Everything must be on the disk before the name exists: a power cut leaves the old image or the
/// new one.
result<std::string> publish(const build_request& request, const work_folder& work) {
  for (const char* file : {"vmlinux", "initrd.cpio", "root.ext4"}) {
    host::unique_fd fd{::open((work.result() + "/" + file).c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd || ::fsync(fd.get()) != 0)
      return fail_errno(std::string{"sync "} + file);
  }
  auto home = fs::path{request.images_dir} / request.name;
  auto build = std::to_string(host::unix_ms() / 1000) + "-" + host::random_hex(3);
  std::error_code error;
  fs::create_directories(home, error);
  fs::rename(work.result(), home / build, error);
  if (auto fault = host::fault_at("image.publish", host::fault_moment::after))
    return tl::make_unexpected(*fault);
  if (error)
    return fail(ec::failed, "put the image in place", error.message());
  auto link = home / (".current-" + build);
  fs::create_directory_symlink(build, link, error);
  if (auto fault = host::fault_at("image.current", host::fault_moment::before))
    return tl::make_unexpected(*fault);
  if (!error)
    fs::rename(link, home / "current", error);
  if (error)
    return fail(ec::failed, "put the image in place", error.message());
  ::sync();
  return (home / build).string();
}

} // namespace

result<std::string> build_image(tool_runner& tools, const build_request& request,
                                const stage_handler& on_stage) {
  if (auto ok = check_space(request.images_dir); !ok)
    return tl::make_unexpected(ok.error());
  work_folder work{request.images_dir + "/.build-" + request.name + "-" + host::random_hex(3)};
  work_guard guard{work.path};
  if (auto ok = host::make_private_directory(work.path); !ok)
    return tl::make_unexpected(ok.error());
  // mmdebstrap's unshared root is another user to the file system and must reach the tar and the
  // uploads.
  (void)::chmod(work.path.c_str(), 0755);
  struct step {
    const char* name;
    const char* point; ///< where a test can break it
    std::function<result<void>()> run;
  };
  // The points are named as literals, so that a test can find that it has them all.
  const step steps[] = {
      {"packages", "image.packages",
       [&] { return install_packages(tools, request, work, on_stage); }},
      {"unpacking", "image.unpacking", [&] { return unpack_tree(tools, work); }},
      {"kernel", "image.kernel",
       [&]() -> result<void> {
         std::error_code error;
         fs::create_directory(work.result(), error);
         return extract_kernel(tools, work);
       }},
      {"initramfs", "image.initramfs", [&] { return make_initrd(tools, request, work); }},
      {"root disk", "image.root_disk", [&] { return make_root_disk(tools, request, work); }},
      {"finishing", "image.finishing", [&] { return write_manifest(request, work); }},
  };
  for (const auto& [name, point, run] : steps) {
    on_stage(name, "");
    if (auto fault = host::fault_at(point, host::fault_moment::before))
      return tl::make_unexpected(*fault);
    if (auto ok = run(); !ok)
      return tl::make_unexpected(ok.error());
    if (tools.ended_by() != 0)
      return fail(ec::cancelled, "build the image", "cancelled");
  }
  return publish(request, work);
}

} // namespace banger::images
