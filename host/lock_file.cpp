#include "host/lock_file.hpp"

#include "host/files.hpp"

#include <fcntl.h>
#include <sys/file.h>

namespace banger::host {

result<unique_fd> take_lock(const std::string& path) {
  unique_fd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!fd)
    return fail_errno("open the lock " + path);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    auto holder = read_file(path, 32);
    return fail(ec::already_exists, "take the lock " + path,
                "process " + (holder && !holder->empty() ? *holder : "?") + " holds it");
  }
  auto text = std::to_string(::getpid());
  if (::ftruncate(fd.get(), 0) != 0 || ::pwrite(fd.get(), text.data(), text.size(), 0) < 0)
    return fail_errno("write the lock " + path);
  return fd;
}

} // namespace banger::host
