#include "state_file.hpp"

#include "state_text.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace orchestrator {

namespace {

constexpr mode_t private_file = 0600;

bool is_folder(const std::string& path) {
  struct stat x {};
  return ::stat(path.c_str(), &x) == 0 && S_ISDIR(x.st_mode);
}

/// Continues after EINTR. @returns false with errno
bool write_all(int fd, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const auto count = ::write(fd, text.data() + done, text.size() - done);
    if (count < 0 && errno != EINTR)
      return false;
    done += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  return true;
}

/// @returns false with errno, which close(2) leaves alone
bool close_with(int fd, bool is_good) {
  const auto error = errno;
  ::close(fd);
  errno = error;
  return is_good;
}

bool write_durably(const std::string& path, const std::string& text) {
  const auto fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, private_file);
  return fd >= 0 && close_with(fd, write_all(fd, text) && ::fsync(fd) == 0);
}

bool sync_folder(const std::string& path) {
  const auto fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return fd >= 0 && close_with(fd, ::fsync(fd) == 0);
}

} // namespace

state_file::state_file(const std::string& path)
    : path_(is_folder(path) ? path + "/state.json" : path) {
  const auto slash = path_.rfind('/');
  folder_ = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
  lock();
  if (error_.empty())
    load();
}

state_file::~state_file() {
  if (lock_ >= 0)
    ::close(lock_);
}

/// The lock's file stays: to remove it would let two have a lock of that name.
void state_file::lock() {
  const auto name = path_ + ".lock";
  lock_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, private_file);
  if (lock_ < 0)
    fail("open " + name);
  else if (::flock(lock_, LOCK_EX | LOCK_NB) != 0)
    error_ =
        errno == EWOULDBLOCK
            ? path_ + " is in use by another orchestrator; end that one, or use another --state"
            : "lock " + name + ": " + std::strerror(errno);
}

void state_file::load() {
  if (::access(path_.c_str(), F_OK) != 0 && errno == ENOENT)
    return;
  std::ifstream in{path_, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  if (!in.is_open() || in.bad()) {
    fail("read " + path_);
    return;
  }
  if (const auto x = from_text(text))
    found_ = *x;
  else
    error_ = path_ +
             " is not a state of this program; put it right, or move it away and pass a new "
             "--name, for the hosts know the old one's token";
}

bool state_file::save(const fleet& x) {
  const auto temporary = path_ + ".tmp";
  if (!write_durably(temporary, to_text(x)))
    return fail("write " + temporary);
  if (::rename(temporary.c_str(), path_.c_str()) != 0)
    return fail("rename " + temporary);
  return sync_folder(folder_) || fail("fsync " + folder_);
}

bool state_file::fail(const std::string& what) {
  error_ = what + ": " + std::strerror(errno);
  return false;
}

} // namespace orchestrator
