// What becomes of a known_hosts file in whose place another is put: by us, who drop removed lines,
// or by ssh-keygen -R and its like, who know nothing of those that write to it meanwhile.
#include "ssh/known_hosts_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace banger::ssh {

namespace {

namespace kh = core::known_hosts;
using mode = owned_file::mode;

/// A write sets the time of a file somewhat before its bytes can be read.
constexpr auto write_time = std::chrono::milliseconds(5);

} // namespace

std::filesystem::path known_hosts_file::temporary_path() const {
  auto out = path_;
  out += ".new";
  return out;
}

result<bool> known_hosts_file::compact(std::size_t above, clock::time_point now) {
  if (auto drained = drain(now); !drained)
    return tl::make_unexpected(drained.error());
  // Two compactions at once would each take the other's new file for the old one.
  auto lock_path = path_;
  lock_path += ".lock";
  auto lock = owned_file::open(lock_path, mode::append_create);
  if (!lock)
    return tl::make_unexpected(lock.error());
  const auto locked = lock->try_lock();
  if (!locked || !*locked)
    return locked;
  ::unlink(temporary_path().c_str()); // of a process that died in the middle of this
  auto file = owned_file::open(path_, mode::read);
  if (!file && file.error().code == ec::not_found)
    return false;
  if (!file)
    return tl::make_unexpected(file.error());
  if (!is_present(*file))
    return false; // another one since we looked: it may bring back what we removed
  const auto text = file->read_from();
  if (!text)
    return tl::make_unexpected(text.error());
  if (kh::removed_bytes(*text) <= above)
    return false;
  return replace(std::move(*file), now);
}

/// Puts a file without removed lines in the place of `old`. Under the lock, so the temporary name
/// is ours.
/// @returns false where the path does not name `old` any more: somebody else has replaced it just
/// now.
result<bool> known_hosts_file::replace(owned_file old, clock::time_point now) {
  const auto temporary = temporary_path();
  auto file = owned_file::open(temporary, mode::create_new);
  if (!file)
    return tl::make_unexpected(file.error());
  // Read after the new file was made, as `late_offset` of another process expects it.
  auto text = old.read_from();
  if (!text)
    return tl::make_unexpected(text.error());
  text->resize(text->rfind('\n') + 1); // a line that is being written: the drain brings it along
  const auto copied = kh::without_removed_lines(*text);
  const auto written = file->append_lines(copied);
  const auto synced = written ? file->sync() : tl::make_unexpected(written.error());
  if (!synced) {
    ::unlink(temporary.c_str());
    return tl::make_unexpected(synced.error());
  }
  const auto exchanged = exchange(old);
  if (!exchanged)
    return exchanged;
  if (!*exchanged) {
    replaced_.push_back({std::move(*file), copied.size(), now}); // it had the name for a moment
    return false;
  }
  replaced_.push_back({std::move(old), text->size(), now});
  looks_ = {{file->stamp(), now}};
  present_ = std::move(*file);
  if (auto done = sync_folder(folder_of(path_)); !done)
    return tl::make_unexpected(done.error());
  return true;
}

/// Gives the path to the temporary file if it is `old`'s until then, and removes the other name.
result<bool> known_hosts_file::exchange(const owned_file& old) const {
  const auto temporary = temporary_path();
  const auto rename = [this, &temporary](unsigned flags) {
    return ::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path_.c_str(), flags) == 0;
  };
  const auto is_old = [&old](const std::filesystem::path& path) {
    const auto file = owned_file::open(path, mode::read);
    return file && file->identity() == old.identity();
  };
  auto is_done = rename(RENAME_EXCHANGE);
  const bool is_foreign = is_done && !is_old(temporary);
  if (is_foreign)
    is_done = rename(RENAME_EXCHANGE); // what somebody else has put there belongs there
  else if (!is_done && errno == EINVAL && is_old(path_))
    is_done = rename(0); // NFS cannot exchange; between look and rename is a moment then
  const int error = errno;
  ::unlink(temporary.c_str());
  if (!is_done)
    return file_failure("replace " + path_.string(), error);
  return !is_foreign;
}

result<void> known_hosts_file::drain(clock::time_point now) {
  if (auto followed = follow(now); !followed)
    return followed;
  for (auto& each : replaced_) {
    auto text = each.file.read_from(each.offset);
    if (!text)
      return tl::make_unexpected(text.error());
    if (now - each.since < drain_time)
      text->resize(text->rfind('\n') + 1); // the rest of a line that is being written comes later
    if (auto moved = append_missing_lines(*text); !moved)
      return moved;
    each.offset += text->size();
  }
  std::erase_if(replaced_,
                [now](const replaced_file& each) { return now - each.since >= drain_time; });
  return {};
}

/// Sees whether the path names another file than when we looked last. From then on the old one is
/// watched, as after a compaction.
result<void> known_hosts_file::follow(clock::time_point now) {
  std::erase_if(removed_, [now](const auto& each) { return now - each.since >= drain_time; });
  auto file = owned_file::open(path_, mode::read);
  if (!file && file.error().code == ec::not_found)
    return {}; // the one we hold may get a successor yet
  if (!file)
    return tl::make_unexpected(file.error());
  if (present_ && present_->identity() != file->identity()) {
    const auto offset = late_offset(*present_, *file);
    if (!offset)
      return tl::make_unexpected(offset.error());
    if (auto removed = remove_again(*file); !removed)
      return removed;
    replaced_.push_back({std::move(*present_), *offset, now});
    present_.reset();
    looks_.clear();
  }
  note_look(file->stamp(), now);
  if (!present_)
    present_ = std::move(*file);
  return {};
}

/// True if `file` is what the path named when we looked last.
bool known_hosts_file::is_present(const owned_file& file) const {
  return present_ && present_->identity() == file.identity();
}

/// Remembers how the file was, for `late_offset`: all of the last seconds, and one from before.
void known_hosts_file::note_look(const file_stamp& stamp, clock::time_point now) {
  if (looks_.empty() || looks_.back().stamp != stamp)
    looks_.push_back({stamp, now});
  const auto is_recent = [now](const look& each) { return now - each.since < drain_time; };
  const auto first = std::find_if(looks_.begin(), looks_.end(), is_recent);
  if (first - looks_.begin() > 1)
    looks_.erase(looks_.begin(), first - 1);
}

/// From where on `present`, which somebody has put in the place of `old`, may lack lines of it
/// because they came too late for its maker. ssh-keygen, and everybody who does it well, first
/// makes the new file, then reads the old one: what was there before that and is gone was left out
/// on purpose. So was a line before one that was copied. All else is taken for late: a pin that
/// comes back after ssh-keygen -R can be removed again, one that is lost is not missed until a
/// wrong key is trusted. Beyond our knowledge is what an editor held in its memory, and the middle
/// one of two new files between two looks.
result<std::size_t> known_hosts_file::late_offset(const owned_file& old,
                                                  const owned_file& present) const {
  const auto last = old.stamp_now();
  const auto made_at = present.made_at();
  if (!last || !made_at)
    return tl::make_unexpected(last ? made_at.error() : last.error());
  if (last->modified + write_time < *made_at)
    return static_cast<std::size_t>(last->size_bytes);
  const auto text = old.read_from();
  const auto copy = present.read_from();
  if (!text || !copy)
    return tl::make_unexpected(text ? copy.error() : text.error());
  off_t known = 0;
  for (const auto& each : looks_)
    if (each.stamp.modified + write_time < *made_at)
      known = each.stamp.size_bytes;
  return std::max(static_cast<std::size_t>(known), kh::end_of_copied(*text, *copy));
}

/// Takes those lines out of `present` once more that we removed while it was made: its maker may
/// have read them before.
result<void> known_hosts_file::remove_again(const owned_file& present) {
  const auto made_at = present.made_at();
  const auto text = present.read_from();
  if (!made_at || !text)
    return tl::make_unexpected(made_at ? text.error() : made_at.error());
  const auto is_back = [this, &made_at](std::string_view line) {
    return std::any_of(removed_.begin(), removed_.end(), [line, &made_at](const auto& each) {
      return each.at + write_time >= *made_at && each.text == line;
    });
  };
  auto file = owned_file::open(path_, mode::replace_bytes);
  if (!file || file->identity() != present.identity())
    return {}; // replaced again: the next look does it
  for (const auto& each : kh::parse(*text)) {
    const auto line = kh::line_at(*text, each.offset);
    if (!is_back(line))
      continue;
    if (auto done = file->comment_out(each.offset, line); !done)
      return tl::make_unexpected(done.error());
  }
  return file->sync();
}

/// Notes lines that we have just commented out in `file`.
result<void> known_hosts_file::note_removed(std::vector<std::string> lines,
                                            const owned_file& file) {
  const auto stamp = file.stamp_now();
  if (!stamp)
    return tl::make_unexpected(stamp.error());
  for (auto& each : lines)
    removed_.push_back({std::move(each), stamp->modified, clock::now()});
  return {};
}

} // namespace banger::ssh
