// Programs elsewhere that run VMs here, and the leases that these live by. Fields are positional:
// only append, and raise protocol_version when you do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace banger {

/// Request: `owner` lives, and will say so again within `ttl_ms`. When it does not, its VMs are
/// killed: it may have put them somewhere else by then. The token fences: a lower one than the
/// newest is refused for good. Reply: owner_lease. Errors: bad_request, wrong_state (a newer
/// token).
struct renew_owner {
  std::string owner; ///< RFC 1123 label
  std::uint64_t token = 0;
  std::uint32_t ttl_ms = 0; ///< 1,000 to 3,600,000
};

template <class Inspector>
auto inspect(Inspector& f, renew_owner& x) {
  return f(x.owner, x.token, x.ttl_ms);
}

struct owner_lease {
  std::string owner;
  std::uint64_t token = 0;
  std::uint32_t ttl_ms = 0;
  std::vector<std::string> vms; ///< names of all it has here, sorted
};

template <class Inspector>
auto inspect(Inspector& f, owner_lease& x) {
  return f(x.owner, x.token, x.ttl_ms, x.vms);
}

} // namespace banger
