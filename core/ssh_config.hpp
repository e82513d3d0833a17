// The user's own ssh configuration: one Include line of ours in it, and the file that it names.
// Pure. Source: ssh_config(5).
#pragma once

#include <string>
#include <string_view>

namespace banger::core {

/// What the file for ssh needs to know; paths are absolute.
struct ssh_config_values {
  std::string program;     ///< banger itself
  std::string private_key; ///< the key that opens guests
  std::string known_hosts; ///< empty: not known, and then nothing is trusted that is not pinned
};

/// The text of banger's own configuration file for ssh: how to reach NAME.vm.
[[nodiscard]] std::string render_ssh_config(const ssh_config_values& values);

/// The line that makes ssh read the file at `path`.
[[nodiscard]] std::string include_line(const std::string& path);

/// `text` with the line that includes `path` at its top, where it holds for all hosts: after a Host
/// line it would hold for those only. The same text where the line is there. All else stays byte
/// for byte.
[[nodiscard]] std::string with_include(std::string_view text, const std::string& path);

/// `text` without that line, as it was before with_include.
[[nodiscard]] std::string without_include(std::string_view text, const std::string& path);

} // namespace banger::core
