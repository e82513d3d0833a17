#include "host/lock_file.hpp"

#include "host/files.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

namespace banger::host {

namespace {

tl::unexpected<failure> held_by_another(const std::string& path) {
  constexpr std::size_t longest_pid = 32;
  auto holder = read_file(path, longest_pid);
  return fail(ec::already_exists, "take the lock " + path,
              "process " + (holder && !holder->empty() ? *holder : "?") + " holds it");
}

/// False where the file was removed or replaced after we opened it: others then lock another file.
bool is_still_at(const std::string& path, int fd) {
  struct stat ours {};
  struct stat now {};
  return ::fstat(fd, &ours) == 0 && ::lstat(path.c_str(), &now) == 0 && ours.st_ino == now.st_ino &&
         ours.st_dev == now.st_dev;
}

} // namespace

result<unique_fd> take_lock(const std::string& path) {
  for (;;) {
    unique_fd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!fd)
      return fail_errno("open the lock " + path);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR)
        continue;
      return errno == EWOULDBLOCK ? held_by_another(path) : fail_errno("take the lock " + path);
    }
    if (!is_still_at(path, fd.get()))
      continue;
    auto text = std::to_string(::getpid());
    if (::ftruncate(fd.get(), 0) != 0 || ::pwrite(fd.get(), text.data(), text.size(), 0) < 0)
      return fail_errno("write the lock " + path);
    return fd;
  }
}

} // namespace banger::host
