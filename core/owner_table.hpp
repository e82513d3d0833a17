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

class owner_table {
public:
  /// @param boot_id  of this boot: what was saved in another one has ended
  /// @param first_stamp  stamps count from here: at random, so that no other daemon's passes for
  /// one
  owner_table(std::string boot_id, std::uint64_t first_stamp,
              const std::vector<owner_record>& saved);

  /// What the owner's row becomes. Takes no effect before put(). A stamp never makes a lease
  /// shorter. Errors: bad_request, wrong_state (a token below the newest).
  [[nodiscard]] result<owner_record> renewed(const renew_owner& x, std::int64_t now_ms) const;

  /// To be called once it is on disk.
  void put(const owner_record& x) { all_[x.owner] = x; }

  /// What an answer of this moment has for a later renewal.
  [[nodiscard]] std::uint64_t stamp(std::int64_t now_ms) const {
    return first_stamp_ + static_cast<std::uint64_t>(now_ms);
  }

  /// Errors: wrong_state.
  [[nodiscard]] result<void> check(const check_owner& x, std::int64_t now_ms) const;

  [[nodiscard]] bool is_live(const std::string& owner, std::int64_t now_ms) const;

  /// When the next lease ends that has not; nothing where none is left.
  [[nodiscard]] std::optional<std::int64_t> next_end(std::int64_t now_ms) const;

  /// @returns milliseconds until the lease ends; 0: there is none
  [[nodiscard]] std::uint32_t left_ms(const std::string& owner, std::int64_t now_ms) const;

  [[nodiscard]] std::size_t live_count(std::int64_t now_ms) const;

private:
  [[nodiscard]] std::int64_t end_of(const renew_owner& x, std::int64_t now_ms) const;

  std::string boot_id_;
  std::uint64_t first_stamp_;
  std::map<std::string, owner_record> all_;
};

} // namespace banger::core
