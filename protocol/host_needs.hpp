// What a VM needs of the host beyond what any user may take. Between the daemon's own actors.
#pragma once

#include "protocol/values.hpp"

#include <string>

namespace banger {

/// Of a launch. Nothing is needed of banger-helper for the user network and an overlay.
struct host_needs {
  network_kind network = network_kind::user;
  bool has_nat = false;
  root_disk_kind root_disk = root_disk_kind::overlay;
  std::string root_image;    ///< under a snapshot
  std::string helper_socket; ///< where banger-helper listens
};

template <class Inspector>
auto inspect(Inspector& f, host_needs& x) {
  return f(x.network, x.has_nat, x.root_disk, x.root_image, x.helper_socket);
}

} // namespace banger
