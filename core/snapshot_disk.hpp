// Root disks as device-mapper snapshots: one read-only image under all VMs, and what each of them
// changed in a file of its own. Names, tables and their state, as text. Pure. Source: the kernel's
// admin-guide/device-mapper/snapshot.rst.
#pragma once

#include "protocol/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace banger::core {

inline constexpr std::uint64_t sector_bytes = 512;
inline constexpr std::uint64_t snapshot_chunk_sectors = 8; ///< 4 KiB: what a guest writes at least

/// The device of a VM, "bgr-1000-0123456789ab": nobody can name one of another user.
[[nodiscard]] std::string snapshot_name(std::uint32_t owner, std::string_view vm_id);

/// True for a name of that user's.
[[nodiscard]] bool is_snapshot_of(std::string_view name, std::uint32_t owner);

/// Bytes of a file that can hold every chunk of an image changed, with the tables of them: such a
/// snapshot can't overflow. It is sparse, and takes what was changed only.
[[nodiscard]] std::uint64_t snapshot_file_bytes(std::uint64_t image_bytes);

/// The arguments of the target "snapshot": persistent, so that it is there again after a stop.
/// @param base, changes  devices, "/dev/loop3"
[[nodiscard]] std::string snapshot_arguments(const std::string& base, const std::string& changes);

/// How full a snapshot is.
struct snapshot_state {
  bool is_invalid = false;         ///< it overflowed, or its file could not be written: it is lost
  std::uint64_t used_sectors = 0;  ///< of the file, its own tables too
  std::uint64_t total_sectors = 0; ///< 0 where it is invalid
  friend bool operator==(const snapshot_state&, const snapshot_state&) = default;
};

/// Reads the state as the target tells it: "24/16384 16", "Invalid", "Overflow". Errors: failed.
[[nodiscard]] result<snapshot_state> parse_snapshot_state(std::string_view text);

/// What a user is to hear of it; empty: nothing yet.
[[nodiscard]] std::string snapshot_warning(const snapshot_state& state);

} // namespace banger::core
