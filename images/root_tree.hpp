// The root file system of an image, from packages to an unpacked tree.
#pragma once

#include "images/build.hpp"

#include <string>
#include <string_view>
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

/// The lines of sources.list with which the host uses a suite, its updates and its security
/// updates, component main; empty where it does not use the suite. Only http and https, without a
/// password. An image is built from there, and its guests go on using it. Pure.
/// @param targets  lines "URI RELEASE COMPONENT", as `apt-get indextargets` formats them
[[nodiscard]] std::vector<std::string> sources_for_suite(std::string_view targets,
                                                         std::string_view suite);

/// Arguments of mmdebstrap for this recipe. Pure.
/// @param sources  lines of sources.list where the recipe names no mirror; empty: Debian's own
[[nodiscard]] std::vector<std::string>
mmdebstrap_arguments(const build_request& request, const work_folder& work, bool is_root,
                     const std::vector<std::string>& sources);

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
