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
///
/// How long it takes to get here nobody can know: a link may hold it up for longer than the lease
/// lasts. Whoever runs the VMs elsewhere after that time has the lease count from `stamp`: then it
/// ends at the latest `ttl_ms` after the answer with that stamp was received, whenever this
/// arrives.
struct renew_owner {
  std::string owner; ///< RFC 1123 label
  std::uint64_t token = 0;
  std::uint32_t ttl_ms = 0; ///< 1,000 to 3,600,000
  /// Of an earlier answer: the lease counts from when that was given. 0: from when this is read.
  /// One that is older than `ttl_ms`, or of another daemon (of an earlier one, too), renews
  /// nothing, but the token counts and the answer has a good one.
  std::uint64_t stamp = 0;
};

/// Of who has none yet: no answer has this one.
inline constexpr std::uint64_t no_stamp_yet = 1;

template <class Inspector>
auto inspect(Inspector& f, renew_owner& x) {
  return f(x.owner, x.token, x.ttl_ms, x.stamp);
}

struct owner_lease {
  std::string owner;
  std::uint64_t token = 0;
  std::uint32_t ttl_ms = 0;
  std::vector<std::string> vms; ///< names of all it has here, sorted
  std::uint64_t stamp = 0;      ///< of this answer, for a later renewal
  std::uint32_t left_ms = 0;    ///< of the lease; 0: there is none
};

template <class Inspector>
auto inspect(Inspector& f, owner_lease& x) {
  return f(x.owner, x.token, x.ttl_ms, x.vms, x.stamp, x.left_ms);
}

} // namespace banger
