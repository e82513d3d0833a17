#include "host/folder_watch.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <sys/inotify.h>

namespace banger::host {

namespace {

// Without IN_CLOSE_WRITE: who looks at a file by opening it for writing would wake itself for ever.
constexpr std::uint32_t wanted = IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                 IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr std::uint32_t end_of_folder = IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT;

} // namespace

result<folder_watch> folder_watch::open(const std::string& folder) {
  unique_fd fd{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
  if (!fd || ::inotify_add_watch(fd.get(), folder.c_str(), wanted) < 0)
    return fail_errno("watch " + folder);
  return folder_watch{std::move(fd)};
}

folder_changes folder_watch::take(std::string_view file) const {
  folder_changes found;
  alignas(inotify_event) char buffer[4096];
  for (;;) {
    const auto size = ::read(fd_.get(), buffer, sizeof buffer);
    if (size < 0 && errno == EINTR)
      continue;
    if (size <= 0)
      return found;
    for (const char* at = buffer; at < buffer + size;) {
      inotify_event event{};
      std::memcpy(&event, at, sizeof event);
      const std::string_view name = event.len > 0 ? at + sizeof event : ""; // padded with NULs
      found.has_file |= name == file || (event.mask & IN_Q_OVERFLOW) != 0;
      found.is_over |= (event.mask & end_of_folder) != 0;
      at += sizeof event + event.len;
    }
  }
}

} // namespace banger::host
