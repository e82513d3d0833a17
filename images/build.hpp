// Builds one image: Debian packages in, a folder with kernel, initramfs, root disk and manifest
// out.
#pragma once

#include "core/recipe.hpp"
#include "images/tool_runner.hpp"
#include "protocol/result.hpp"

#include <functional>
#include <string>

namespace banger::images {

struct build_request {
  std::string name;
  core::recipe what;
  std::string recipe_name;
  std::string images_dir;
  std::string guest_dir; ///< stage0, banger-init, banger-agent
};

using stage_handler = std::function<void(const std::string& stage, const std::string& detail)>;

/// Works in IMAGES/.build-NAME-XXXXXX and renames the result to IMAGES/NAME/BUILD, then points
/// IMAGES/NAME/current at it; an earlier build stays for the VMs that are on it. Whatever goes
/// wrong, the work folder is removed.
/// @returns the folder of the build. Errors: missing_program, no_space, cancelled, image_failed,
/// bad_request.
[[nodiscard]] result<std::string> build_image(tool_runner& tools, const build_request& request,
                                              const stage_handler& on_stage);

} // namespace banger::images
