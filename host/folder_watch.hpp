// Changes of the files in one folder, as they happen. Source: inotify(7).
#pragma once

#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <string>
#include <string_view>

namespace banger::host {

/// What has happened in a folder since the last look.
struct folder_changes {
  bool has_file = false; ///< the file was written, made, replaced or removed; or we cannot know
  bool is_over = false;  ///< the folder is gone or elsewhere: watch the path anew
};

/// Not for several threads at once.
class folder_watch {
public:
  /// Errors: not_found; failed, also where the user has no watch left
  /// (/proc/sys/fs/inotify/max_user_instances).
  [[nodiscard]] static result<folder_watch> open(const std::string& folder);

  /// Can be read while there are changes that were not taken.
  [[nodiscard]] int fd() const { return fd_.get(); }

  /// Takes what has happened, and says whether it was to `file`, a name without a folder. Never
  /// blocks.
  [[nodiscard]] folder_changes take(std::string_view file) const;

private:
  explicit folder_watch(unique_fd fd) : fd_(std::move(fd)) {}
  unique_fd fd_;
};

} // namespace banger::host
