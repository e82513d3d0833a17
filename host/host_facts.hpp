// Looks at what this host has for banger. Opens devices and closes them at once, changes nothing.
#pragma once

#include "core/doctor.hpp"
#include "host/paths.hpp"

#include <string>

namespace banger::host {

/// All but what only the daemon knows. Blocks for some milliseconds.
[[nodiscard]] core::host_facts look_at_host(const paths& where);

[[nodiscard]] core::device_access probe_device(const std::string& path);

/// @param sys_module  "/sys/module" @param modules  "/lib/modules/RELEASE"
[[nodiscard]] core::kernel_feature
probe_feature(const std::string& module, const std::string& sys_module, const std::string& modules);

[[nodiscard]] core::helper_state probe_helper(const std::string& socket);

} // namespace banger::host
