#include "cli/copy_render.hpp"

#include "cli/render.hpp"
#include "protocol/result.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace banger::cli {

namespace {

std::string amount(std::uint64_t count, const char* one) {
  return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

/// "512 bytes", "2.5 KiB", "101.5 MiB".
std::string size_text(std::uint64_t count) {
  constexpr std::uint64_t kib = 1024;
  if (count < kib)
    return amount(count, "byte");
  const char* units[] = {"KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(count) / kib;
  std::size_t unit = 0;
  for (; value >= kib && unit + 1 < std::size(units); ++unit)
    value /= kib;
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", value, units[unit]);
  return text;
}

std::uint64_t per_second(std::uint64_t count, std::int64_t ms) {
  return ms > 0 ? count * 1000 / static_cast<std::uint64_t>(ms) : 0;
}

/// A file costs time without a byte in it: as much as so many bytes, about.
constexpr std::uint64_t file_weight = 4096;

struct share {
  int percent = 0;
  std::int64_t left_ms = 0;
};

share share_of(const copy_figures& x) {
  auto done = static_cast<double>(x.bytes + x.files * file_weight);
  auto all = static_cast<double>(x.planned_bytes + x.planned_files * file_weight);
  auto part = std::min(done / all, 1.0); // what is copied may grow meanwhile
  constexpr double least = 0.001;
  auto left = part > least ? static_cast<double>(x.duration_ms) * (1.0 - part) / part : 0.0;
  return {static_cast<int>(part * 100), static_cast<std::int64_t>(left)};
}

std::string place_text(const core::copy_ref& side, const std::string& path) {
  auto vm = side.place == core::copy_place::guest ? side.vm + ":" : std::string{};
  auto shown = path;
  if (shown.empty())
    shown = side.path;
  return "'" + printable(vm + shown) + "'";
}

std::string hint_of(const archive_failure& x) {
  switch (static_cast<int>(x.error)) {
    case ENOSPC:
    case EDQUOT: return "make room there, and copy again; nothing half-written was left";
    case EACCES:
    case EPERM: return "look at the owner and the mode there";
    case ENOENT:
      return x.step == archive_step_place
                 ? "make the folder first, or end the destination with '/' to have it made"
                 : "";
    case ENOTDIR:
      return x.step == archive_step_place ? "several things, or a folder's, need a folder to go to"
                                          : "something else of that name is in the way";
    case EISDIR:
    case EEXIST:
    case ENOTEMPTY: return "something else of that name is in the way";
    case EROFS: return "that file system takes no writes";
    default: return "";
  }
}

ec code_of(const archive_failure& x) {
  switch (static_cast<int>(x.error)) {
    case ENOSPC:
    case EDQUOT: return ec::no_space;
    case ENOENT: // what is written to is not there: /proc has it so
      return x.step == archive_step_write ? ec::failed : ec::not_found;
    case EISDIR:
    case ENOTDIR:
    case EEXIST:
    case ENOTEMPTY: return ec::already_exists;
    default: return ec::failed;
  }
}

failure archive_problem(const archive_failure& x, const core::copy_ref& side) {
  auto what = "copy to " + place_text(side, {});
  if (x.error == EPROTO)
    return {ec::version_mismatch, what, "the guest's agent packs in another format",
            "build the image again: banger image build"};
  return {ec::link_lost, what, x.error == EPIPE ? "what came was cut off" : "what came is damaged",
          "copy again"};
}

} // namespace

std::string copy_progress_line(const copy_figures& x, std::size_t width) {
  std::string tail = "  " + size_text(x.bytes);
  auto rate = "  " + size_text(per_second(x.bytes, x.duration_ms)) + "/s";
  if (x.planned_bytes + x.planned_files > 0) {
    auto [percent, left_ms] = share_of(x);
    tail = "  " + std::to_string(percent) + "%" + tail + " of " + size_text(x.planned_bytes) +
           rate + (left_ms > 0 ? "  " + duration(left_ms) + " left" : "");
  } else {
    tail += rate;
  }
  if (x.files > 1)
    tail += "  " + amount(x.files, "file");
  auto name = printable(x.name);
  auto room = width > tail.size() + 1 ? width - tail.size() - 1 : 0;
  if (name.size() > room)
    name = room > 3 ? "..." + name.substr(name.size() - (room - 3)) : "";
  return (name + tail).substr(0, width > 0 ? width - 1 : 0);
}

std::string copy_summary(const copy_figures& x) {
  auto links = x.links > 0 ? ", " + amount(x.links, "link") : std::string{};
  auto is_tree_without_files = x.files == 0 && x.directories > 0;
  auto what = is_tree_without_files
                  ? std::to_string(x.directories) + (x.directories == 1 ? " folder" : " folders")
                  : amount(x.files, "file");
  return "copied " + what + links + ", " + size_text(x.bytes) + " in " + seconds(x.duration_ms) +
         "\n";
}

std::string copy_notice(const copy_figures& x) {
  if (x.left_out == 0)
    return {};
  auto more = x.left_out > 1 ? " and " + std::to_string(x.left_out - 1) + " more" : std::string{};
  return "banger: left out '" + printable(x.first_left_out) + "'" + more +
         ": no file, folder or link, or gone meanwhile\n";
}

failure copy_failure(const archive_failure& x, const core::copy_ref& side) {
  if (x.step == archive_step_archive)
    return archive_problem(x, side);
  const char* verb = x.step == archive_step_read    ? "read "
                     : x.step == archive_step_place ? "copy to "
                                                    : "write ";
  auto why = std::generic_category().message(static_cast<int>(x.error));
  if (x.step == archive_step_read && x.error == EINVAL)
    why = "it is no file, folder or link";
  return {code_of(x), verb + place_text(side, x.path), why, hint_of(x)};
}

} // namespace banger::cli
