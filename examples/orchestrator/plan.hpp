// What the orchestrator decides: from what is known, on disk and by what hosts said, to what is
// asked of them next. Pure: no clock, no file, no thread, no libbanger. Times are milliseconds of
// CLOCK_BOOTTIME.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace orchestrator {

struct settings {
  std::vector<std::string> hosts{};
  std::set<std::string> drained{}; ///< of those: to be left empty
  std::uint32_t count = 0;         ///< of VMs wanted: web-1 to web-COUNT
  std::uint32_t memory_mib = 512;
  std::int64_t ttl_ms = 30'000;

  /// Drift between two clocks, and the time a host takes to kill: it looks every two seconds.
  [[nodiscard]] std::int64_t margin_ms() const {
    return std::max<std::int64_t>(ttl_ms / 10 + 1'000, 3'000);
  }
};

/// What is known of the lease on one host. Durable.
struct host_record {
  std::int64_t sent_ms = 0; ///< before the last renewal was sent
  std::int64_t ends_ms = 0; ///< no lease of ours lasts longer, whenever a renewal arrives
  std::int64_t lost_ms = 0; ///< since when it counts as lost; 0: it does not
  friend bool operator==(const host_record&, const host_record&) = default;
};

/// All that outlives the program.
struct fleet {
  std::uint64_t token = 0;
  std::int64_t ttl_ms = 0; ///< no lease that may last yet was longer
  std::string boot_id{};   ///< of the boot that the times are of
  std::map<std::string, host_record> hosts{};
  std::map<std::string, std::string> places{}; ///< name to host: the only one where it may run
  friend bool operator==(const fleet&, const fleet&) = default;
};

inline constexpr std::uint64_t no_stamp = 1; ///< banger::no_stamp_yet: it renews nothing

enum class vm_condition : std::uint8_t { at_rest, in_transition, running };

struct seen_vm {
  std::string id;
  vm_condition condition = vm_condition::at_rest;
};

enum class order_kind : std::uint8_t {
  create, ///< not started yet: whether it may run is decided anew when it is there
  start,  ///< by its id
  remove  ///< by its id
};

struct order {
  order_kind kind = order_kind::create;
  std::string host, name;
  std::string id{}; ///< not of one to create. A late request can't reach another VM of that name
  friend bool operator==(const order&, const order&) = default;
};

/// What a host last said, and what it was last asked. Forgotten with the program.
struct host_view {
  std::int64_t heard_ms = 0;          ///< when the lists below were asked for; 0: never
  bool is_answering = false;          ///< the last attempt came through, and we have a lease there
  bool is_silent = false;             ///< it did not come through
  bool is_being_renewed = false;      ///< an attempt is under way
  bool is_repeated = false;           ///< it was made at once, with the stamp of the one before
  std::uint64_t stamp = no_stamp;     ///< of its last answer
  std::int64_t stamp_ms = 0;          ///< when that was received: it was given before
  std::map<std::string, seen_vm> vms; ///< ours, by name
  std::uint64_t memory_free_mib = 0;
  std::uint32_t cpu_count = 1, vcpus_running = 0;
  std::vector<order> under_way{};   ///< at most one, until it is seen what became of it
  std::int64_t ordered_ms = 0;      ///< when it ended; 0: not yet
  std::int64_t next_renewal_ms = 0; ///< not before
  std::map<std::string, std::int64_t> not_before{}; ///< names that failed, and when to try again
};

using views = std::map<std::string, host_view>;

/// A line for whoever watches.
struct change {
  std::string what, name, host, why{};
  friend bool operator==(const change&, const change&) = default;
};

/// A lease that is asked for, from when the host gave this stamp.
struct renewal {
  std::string host;
  std::uint64_t stamp = 0;
  friend bool operator==(const renewal&, const renewal&) = default;
};

struct decision {
  fleet next; ///< to be on disk before anything below is done
  std::vector<renewal> renewals;
  std::vector<order> orders;
  std::vector<change> changes;
  bool is_done = false; ///< all is as it is wanted, and nothing is under way
};

[[nodiscard]] decision decide(const settings& wanted, const fleet& now_known, const views& hosts,
                              std::int64_t now_ms);

/// What a new run of the program makes of what the last one left: a token of its own, and leases
/// that may have been renewed until this moment: what it was given may be a copy, and not the last.
[[nodiscard]] fleet taken_over(fleet left, const settings& wanted, const std::string& boot_id,
                               std::int64_t now_ms);

} // namespace orchestrator
