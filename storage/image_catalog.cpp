#include "storage/image_catalog.hpp"

#include "core/image_manifest.hpp"
#include "host/files.hpp"

#include <algorithm>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace banger::storage {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_manifest = 1U << 20;

tl::unexpected<failure> no_image(const std::string& name) {
  return fail(ec::not_found, "no image '" + name + "'", "it was never built",
              name == "debian" ? "banger image build debian" : "banger image list");
}

/// Image names become folder names.
bool is_plain(const std::string& name) {
  return !name.empty() && name.front() != '.' && name.find('/') == std::string::npos;
}

std::uint64_t disk_bytes_of(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{folder, error}) {
    struct stat info {};
    if (::lstat(entry.path().c_str(), &info) == 0)
      bytes += static_cast<std::uint64_t>(info.st_blocks) * 512;
  }
  return bytes;
}

std::string current_build(const fs::path& image) {
  std::error_code error;
  auto target = fs::read_symlink(image / "current", error);
  return error ? std::string{} : target.filename().string();
}

result<core::image_manifest> manifest_of(const fs::path& build) {
  auto text = host::read_file((build / "manifest.json").string(), max_manifest);
  if (!text)
    return tl::make_unexpected(text.error());
  return core::parse_image_manifest(*text);
}

} // namespace

std::vector<image_info> image_catalog::list() const {
  std::vector<image_info> all;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{directory_, error}) {
    auto name = entry.path().filename().string();
    if (!is_plain(name))
      continue;
    if (auto info = get(name))
      all.push_back(std::move(*info));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

result<image_info> image_catalog::get(const std::string& name) const {
  if (!is_plain(name))
    return no_image(name);
  auto image = fs::path{directory_} / name;
  auto build = current_build(image);
  if (build.empty())
    return no_image(name);
  auto manifest = manifest_of(image / build);
  if (!manifest)
    return tl::make_unexpected(manifest.error().code == ec::not_found ? no_image(name).value()
                                                                      : manifest.error());
  image_info x;
  x.name = name;
  x.build = build;
  x.suite = manifest->suite;
  x.init = manifest->init;
  x.kernel_version = manifest->kernel_version;
  x.created_at_ms = manifest->created_at_ms;
  x.virtual_bytes = manifest->root_virtual_bytes;
  x.disk_bytes = disk_bytes_of(image / build);
  x.package_count = manifest->package_count;
  x.directory = (image / build).string();
  return x;
}

result<image_files> image_catalog::resolve(const std::string& name,
                                           const std::string& build) const {
  if (!is_plain(name) || (!build.empty() && !is_plain(build)))
    return no_image(name);
  auto image = fs::path{directory_} / name;
  auto wanted = build.empty() ? current_build(image) : build;
  if (wanted.empty())
    return no_image(name);
  auto folder = image / wanted;
  auto manifest = manifest_of(folder);
  if (!manifest)
    return manifest.error().code == ec::not_found ? result<image_files>{no_image(name)}
                                                  : tl::make_unexpected(manifest.error());
  image_files x;
  x.name = name;
  x.build = wanted;
  x.kernel = (folder / "vmlinux").string();
  x.initrd = (folder / "initrd.cpio").string();
  x.root = (folder / manifest->root_file).string();
  x.root_format = manifest->root_format;
  x.cmdline_extra = manifest->cmdline_extra;
  return x;
}

result<image_info> image_catalog::remove(const std::string& name) const {
  auto info = get(name);
  if (!info)
    return info;
  auto image = (fs::path{directory_} / name).string();
  // Out of sight first: a removal that is interrupted must not leave half an image in the list.
  auto doomed = (fs::path{directory_} / (".removed-" + name)).string();
  if (auto ok = host::remove_tree(doomed); !ok) // what an interrupted removal left
    return tl::make_unexpected(ok.error());
  std::error_code error;
  fs::rename(image, doomed, error);
  if (error)
    return fail(ec::failed, "delete image '" + name + "'", error.message());
  if (auto ok = host::remove_tree(doomed); !ok)
    return tl::make_unexpected(ok.error());
  return info;
}

void image_catalog::prune(const std::vector<std::string>& used) const {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{directory_, error}) {
    auto name = entry.path().filename().string();
    if (name.starts_with(".build-") || name.starts_with(".removed-")) {
      (void)host::remove_tree(entry.path().string());
      continue;
    }
    if (!is_plain(name))
      continue;
    auto current = current_build(entry.path());
    std::error_code ignored;
    for (const auto& build : fs::directory_iterator{entry.path(), ignored}) {
      auto id = build.path().filename().string();
      auto is_used = std::find(used.begin(), used.end(), name + "/" + id) != used.end();
      const auto is_build = build.is_directory(ignored) && !build.is_symlink(ignored);
      if ((is_build && id != current && !is_used) || id.starts_with(".current-"))
        (void)host::remove_tree(build.path().string());
    }
    ::rmdir(entry.path().c_str()); // one whose first build never came to be; others are not empty
  }
}

} // namespace banger::storage
