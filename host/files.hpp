// Files and folders: reading, durable replacing, private folders, removal. All block on the disk.
#pragma once

#include "protocol/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace banger::host {

/// The whole file. Retries EINTR. Errors: not_found; failed, also where it is longer than
/// `max_bytes`.
[[nodiscard]] result<std::string> read_file(const std::string& path, std::size_t max_bytes);

/// The last `max_bytes` of a file, or all of it. Errors: as read_file, but never for its length.
[[nodiscard]] result<std::string> read_tail(const std::string& path, std::size_t max_bytes);

/// The first `max_bytes` of a file, or all of it. Errors: as read_file, but never for its length.
[[nodiscard]] result<std::string> read_head(const std::string& path, std::size_t max_bytes);

/// Replaces `path` by `text` in one step: temporary file beside it, fsync, rename, fsync of the
/// folder. Readers see the old or the new text; a crash leaves at most `<path>.tmp`. @pre the
/// caller is the only writer. `mode` is the new file's, whatever the umask and the old file had.
/// Errors: no_space, failed. Source: rename(2), fsync(2).
[[nodiscard]] result<void> write_file_durably(const std::string& path, std::string_view text,
                                              mode_t mode);

/// Writes a file that a crash may lose: no fsync.
[[nodiscard]] result<void> write_file(const std::string& path, std::string_view text, mode_t mode);

/// Makes the folder with mode 0700, and its parents likewise where they are missing. One that is
/// there must be a real folder of ours that nobody else may enter. Errors: unsafe_path, with what
/// mends it; failed.
[[nodiscard]] result<void> make_private_directory(const std::string& path);

/// Removes a folder or file and all in it; never follows a symlink. Nothing there: fine. Errors:
/// failed.
[[nodiscard]] result<void> remove_tree(const std::string& path);

/// Bytes of a file; 0 where there is none. Does not block.
[[nodiscard]] std::uint64_t file_size(const std::string& path);

/// Removes one file; nothing there: fine.
void remove_file(const std::string& path);

/// Bytes that we may still write to the disk `path` is on. Errors: not_found, failed.
[[nodiscard]] result<std::uint64_t> free_bytes(const std::string& path);

/// True for a dangling symlink too.
[[nodiscard]] bool exists(const std::string& path);

} // namespace banger::host
