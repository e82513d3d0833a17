// The root file system of an image, from packages to an unpacked tree.
#pragma once

#include "images/build.hpp"

#include <string>
#include <vector>

namespace banger::images {

/// Where one build keeps its parts.
struct work_folder {
  std::string path;
  [[nodiscard]] std::string tar() const { return path + "/root.tar"; }
  [[nodiscard]] std::string tree() const { return path + "/tree"; }
  [[nodiscard]] std::string owners() const { return path + "/owners"; } ///< fakeroot's memory
  [[nodiscard]] std::string result() const { return path + "/result"; }
};

/// Arguments of mmdebstrap for this recipe. Pure.
[[nodiscard]] std::vector<std::string> mmdebstrap_arguments(const build_request& request,
                                                            const work_folder& work, bool is_root);

/// Installs the packages into root.tar. Errors: as build_image.
[[nodiscard]] result<void> install_packages(tool_runner& tools, const build_request& request,
                                            const work_folder& work, const stage_handler& on_stage);

/// Unpacks root.tar into tree/; without root, fakeroot remembers who owns what.
[[nodiscard]] result<void> unpack_tree(tool_runner& tools, const work_folder& work);

/// Runs a tool that must see the tree's owners as they are to be.
[[nodiscard]] result<void> run_as_owner(tool_runner& tools, const work_folder& work,
                                        const std::string& program, const std::string& package,
                                        std::vector<std::string> arguments);

} // namespace banger::images
