#include "core/snapshot_disk.hpp"

#include <algorithm>
#include <charconv>

namespace banger::core {

namespace {

constexpr std::string_view name_prefix = "bgr-";
constexpr std::uint64_t chunk_bytes = snapshot_chunk_sectors * sector_bytes;
constexpr std::uint64_t entries_per_chunk = chunk_bytes / 16; // one is two 64-bit numbers
constexpr int nearly_full = 90, all_but_full = 98; // percent; steps, so that it is told twice

std::string prefix_of(std::uint32_t owner) {
  return std::string{name_prefix} + std::to_string(owner) + "-";
}

} // namespace

std::string snapshot_name(std::uint32_t owner, std::string_view vm_id) {
  return prefix_of(owner) + std::string{vm_id};
}

bool is_snapshot_of(std::string_view name, std::uint32_t owner) {
  constexpr std::size_t id_size = 12;
  auto prefix = prefix_of(owner);
  if (!name.starts_with(prefix))
    return false;
  auto id = name.substr(prefix.size());
  return id.size() == id_size && id.find_first_not_of("0123456789abcdef") == id.npos;
}

std::uint64_t snapshot_file_bytes(std::uint64_t image_bytes) {
  auto chunks = (image_bytes + chunk_bytes - 1) / chunk_bytes;
  auto tables = (chunks + entries_per_chunk - 1) / entries_per_chunk;
  // A header, and one table more: the next one is begun when the last is full.
  return (1 + chunks + tables + 1) * chunk_bytes;
}

std::string snapshot_arguments(const std::string& base, const std::string& changes) {
  return base + " " + changes + " P " + std::to_string(snapshot_chunk_sectors);
}

result<snapshot_state> parse_snapshot_state(std::string_view text) {
  snapshot_state x;
  if (text.starts_with("Invalid") || text.starts_with("Overflow")) {
    x.is_invalid = true;
    return x;
  }
  auto bad = fail(ec::failed, "read a snapshot's state",
                  "'" + std::string{text.substr(0, 64)} + "' is not one");
  const auto* end = text.data() + text.size();
  auto used = std::from_chars(text.data(), end, x.used_sectors);
  if (used.ec != std::errc{} || used.ptr == end || *used.ptr != '/')
    return bad;
  auto total = std::from_chars(used.ptr + 1, end, x.total_sectors);
  if (total.ec != std::errc{} || x.total_sectors == 0 || (total.ptr != end && *total.ptr != ' '))
    return bad;
  return x;
}

std::string snapshot_warning(const snapshot_state& x) {
  if (x.is_invalid)
    return "its root disk is lost: its file of changes was full, or could not be written";
  auto percent =
      static_cast<long double>(x.used_sectors) * 100 / static_cast<long double>(x.total_sectors);
  if (percent < nearly_full)
    return {};
  return "its root disk's file of changes is over " +
         std::to_string(percent < all_but_full ? nearly_full : all_but_full) + " % full";
}

} // namespace banger::core
