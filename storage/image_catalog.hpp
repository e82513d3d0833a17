// The images on disk: IMAGES/NAME/BUILD/{manifest.json,vmlinux,initrd.cpio,root...}, with the link
// IMAGES/NAME/current naming the newest whole build. Builds under way are IMAGES/.build-*; they are
// never listed. All functions block on the disk.
#pragma once

#include "protocol/orders.hpp"
#include "protocol/result.hpp"
#include "protocol/values.hpp"

#include <string>
#include <vector>

namespace banger::storage {

class image_catalog {
public:
  explicit image_catalog(std::string directory) : directory_(std::move(directory)) {}

  /// Every image with a whole current build, by name. One that cannot be read is left out.
  [[nodiscard]] std::vector<image_info> list() const;

  /// Errors: not_found; storage_failed where the manifest is damaged.
  [[nodiscard]] result<image_info> get(const std::string& name) const;

  /// The files of a build; empty build: the current one. Errors as get().
  [[nodiscard]] result<image_files> resolve(const std::string& name,
                                            const std::string& build) const;

  /// Removes the image and all its builds. @returns what it was. Errors: not_found, failed.
  [[nodiscard]] result<image_info> remove(const std::string& name) const;

  /// Removes builds of `name` that are neither current nor in `used`, and what killed builds left
  /// behind.
  void prune(const std::vector<std::string>& used) const;

  [[nodiscard]] const std::string& directory() const { return directory_; }

private:
  std::string directory_;
};

} // namespace banger::storage
