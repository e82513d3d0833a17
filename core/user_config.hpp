// The user's config.toml: TOML text in, value out.
#pragma once

#include "core/dns_listen.hpp"
#include "core/remote_host.hpp"
#include "core/tls_relay_plan.hpp"
#include "protocol/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace banger::core {

/// A file or folder of the host that every VM gets when it starts.
struct file_sync {
  std::string host;       ///< absolute, below the user's home
  std::string guest;      ///< absolute, below /root
  std::uint32_t mode = 0; ///< of the file, or of all files of the folder; 0: as it is on the host
  friend bool operator==(const file_sync&, const file_sync&) = default;
};

struct user_config {
  std::vector<file_sync> files;
  std::optional<dns_endpoint> dns;      ///< where names of VMs are served; none: nowhere
  std::optional<tls_relay_plan> listen; ///< where other machines are served; none: nowhere. Its
                                        ///< folder is empty for the default
  std::vector<remote_host> hosts;       ///< other machines, by name
};

/// @param home  the user's, absolute. "~/x" is below it on the host, and below /root in the guest.
/// Errors: bad_request, naming the line, or the key that is unknown or of another type; a path with
/// "..", "~user", or outside of the two homes.
[[nodiscard]] result<user_config> parse_user_config(std::string_view text, std::string_view home);

} // namespace banger::core
