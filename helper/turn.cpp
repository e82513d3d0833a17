#include "helper/turn.hpp"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>

namespace banger::helper {

namespace {

constexpr const char* folder = "/run/banger-helper"; // RuntimeDirectory= of the unit
constexpr std::chrono::milliseconds patience{5'000}, pause{5};

} // namespace

result<host::unique_fd> take_turn() {
  constexpr mode_t for_all = 0755; // sockets of users are in it; the lock itself is ours alone
  const auto is_new = ::mkdir(folder, for_all) == 0;
  if (!is_new && errno != EEXIST)
    return fail_errno(std::string{"make "} + folder);
  if (is_new && ::chmod(folder, for_all) != 0) // mkdir(2) heeds our umask
    return fail_errno(std::string{"open "} + folder + " to others");
  const auto path = std::string{folder} + "/lock";
  host::unique_fd lock{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!lock)
    return fail_errno("open " + path);
  for (const auto until = std::chrono::steady_clock::now() + patience;;) {
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0)
      return lock;
    if (errno != EWOULDBLOCK && errno != EINTR)
      return fail_errno("lock " + path);
    if (std::chrono::steady_clock::now() >= until)
      return fail(ec::busy, "wait for another user's banger-helper", "it has been at work for 5 s",
                  "fuser -v " + path);
    std::this_thread::sleep_for(pause);
  }
}

} // namespace banger::helper
