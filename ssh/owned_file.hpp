// An open file that nobody but this user can change, checked when it is opened. Fails closed: what
// cannot be checked is refused. Blocks on the disk.
#pragma once

#include "protocol/result.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace banger::ssh {

/// Which file it is, whatever its name.
struct file_identity {
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const file_identity&, const file_identity&) = default;
};

/// A file as it was at some time. Whoever changes the file changes the stamp, except within one
/// tick of the file system's clock (some milliseconds) after another change that kept the size.
struct file_stamp {
  file_identity identity;
  off_t size_bytes = 0;
  std::chrono::nanoseconds modified{}; ///< since 1970; the times are of the file system's clock
  std::chrono::nanoseconds changed{};  ///< the same, of the inode: cannot be set by touch(1)
  friend bool operator==(const file_stamp&, const file_stamp&) = default;
};

/// Owns its descriptor.
class owned_file {
public:
  enum class mode {
    read,
    append,        ///< every write goes to the end, also beside other writers
    append_create, ///< the same, and an empty file of mode 0600 is made where there is none
    replace_bytes, ///< write in place. Not for appending, and appending is not for this: see
                   ///< pwrite(2), BUGS
    create_new,    ///< a new file of mode 0600
  };

  /// @returns ec::not_found where there is no such file or no such folder; ec::unsafe_path for a
  /// symbolic link,
  ///          anything but a regular file, a file or a folder that is not ours, that group or
  ///          others can write, or that we cannot open; ec::storage_failed for all else. The text
  ///          names the path and the fix.
  [[nodiscard]] static result<owned_file> open(const std::filesystem::path& path, mode how);

  owned_file(owned_file&& other) noexcept;
  owned_file& operator=(owned_file&& other) noexcept;
  ~owned_file();

  [[nodiscard]] file_identity identity() const { return stamp_.identity; }

  /// As it was opened.
  [[nodiscard]] const file_stamp& stamp() const { return stamp_; }

  /// As it is now.
  [[nodiscard]] result<file_stamp> stamp_now() const;

  /// When it was made, by the file system's clock, in time since 1970. Where the file system does
  /// not know, the time of its last change.
  [[nodiscard]] result<std::chrono::nanoseconds> made_at() const;

  /// All bytes from `offset` to the end. Refuses a file larger than `largest_size`.
  [[nodiscard]] result<std::string> read_from(std::size_t offset = 0) const;

  /// Adds whole lines by one write, after a line feed where the last line lacks its own: other
  /// programs do not look, and glue their line to ours. An empty `lines` only mends that.
  /// @returns the offset of the first byte of `lines`; ec::no_space where not all of it could be
  /// written.
  [[nodiscard]] result<std::size_t> append_lines(std::string_view lines);

  /// Writes '#' over the byte at `offset`, if `expected` is what stands there.
  /// @returns false where something else stands there.
  [[nodiscard]] result<bool> comment_out(std::size_t offset, std::string_view expected);

  /// Waits until what was written is on the disk.
  [[nodiscard]] result<void> sync() const;

  /// Waits for nobody: takes flock(2)'s exclusive lock, held until this object goes.
  /// @returns false where somebody else has it.
  [[nodiscard]] result<bool> try_lock() const;

  static constexpr std::size_t largest_size = std::size_t{64} << 20;

private:
  owned_file(int fd, std::filesystem::path path) : fd_(fd), path_(std::move(path)) {}

  [[nodiscard]] result<void> check();

  int fd_ = -1;
  std::filesystem::path path_; // for error texts
  file_stamp stamp_;
};

/// Refuses a folder that is not ours or that group or others can write: they could put another file
/// in it.
/// @returns as owned_file::open.
[[nodiscard]] result<void> check_folder(const std::filesystem::path& folder);

/// Makes `folder` and those above it, mode 0700, where they do not exist, then checks it.
[[nodiscard]] result<void> make_folder(const std::filesystem::path& folder);

/// Waits until the names in `folder` are on the disk.
[[nodiscard]] result<void> sync_folder(const std::filesystem::path& folder);

/// The folder that holds `path`.
[[nodiscard]] std::filesystem::path folder_of(const std::filesystem::path& path);

/// The failure of a system call on a file of ours: as fail_errno, with ec::storage_failed for what
/// has no code.
[[nodiscard]] tl::unexpected<failure> file_failure(std::string what, int error);

} // namespace banger::ssh
