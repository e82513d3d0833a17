// Who elsewhere has VMs here, and until when: leases with fencing tokens. Pure; times are
// milliseconds since the boot. Source of the scheme: Gray and Cheriton, "Leases" (SOSP 1989), with
// a token that only grows against owners that were replaced and do not know it.
#pragma once

#include "protocol/owners.hpp"
#include "protocol/result.hpp"
#include "protocol/store_orders.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace banger::core {

/// Of a check_owner that has no token of its own. No lease can have it: see renewed().
inline constexpr std::uint64_t any_token = UINT64_MAX;

class owner_table {
public:
  /// @param boot_id  of this boot: what was saved in another one has ended
  owner_table(std::string boot_id, const std::vector<owner_record>& saved);

  /// What the owner's row becomes. Takes no effect before put(). Errors: bad_request, wrong_state
  /// (a token below the newest).
  [[nodiscard]] result<owner_record> renewed(const renew_owner& x, std::int64_t now_ms) const;

  /// To be called once it is on disk.
  void put(const owner_record& x) { all_[x.owner] = x; }

  /// Whether VMs may be made with this token. Errors: wrong_state.
  [[nodiscard]] result<void> check(const check_owner& x, std::int64_t now_ms) const;

  [[nodiscard]] bool is_live(const std::string& owner, std::int64_t now_ms) const;

  /// When the next lease ends that has not; nothing where none is left.
  [[nodiscard]] std::optional<std::int64_t> next_end(std::int64_t now_ms) const;

  [[nodiscard]] std::size_t live_count(std::int64_t now_ms) const;

private:
  std::string boot_id_;
  std::map<std::string, owner_record> all_;
};

} // namespace banger::core
