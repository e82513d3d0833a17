#include "host/console_log.hpp"

#include "host/files.hpp"
#include "host/unique_fd.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace banger::host {

namespace {

using chunk = std::array<char, 64U << 10>;

result<void> write_all(int fd, const char* bytes, std::size_t size, const std::string& path) {
  while (size > 0) {
    auto n = ::write(fd, bytes, size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fail_errno("write " + path);
    bytes += n;
    size -= static_cast<std::size_t>(n);
  }
  return {};
}

/// Copies from `at` to the end of the log, until at most `limit` bytes: a guest may write faster
/// than we copy.
result<void> copy_rest(int from, int to, off_t at, std::uint64_t limit, const std::string& path) {
  chunk buffer;
  for (std::uint64_t copied = 0; copied < limit;) {
    auto wanted = std::min<std::uint64_t>(buffer.size(), limit - copied);
    auto n = ::pread(from, buffer.data(), wanted, at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fail_errno("read " + path);
    if (n == 0)
      return {};
    if (auto ok = write_all(to, buffer.data(), static_cast<std::size_t>(n), path + ".1"); !ok)
      return ok;
    at += n;
    copied += static_cast<std::uint64_t>(n);
  }
  return {};
}

} // namespace

result<bool> cap_log(const std::string& path, std::uint64_t limit) {
  unique_fd log{::open(path.c_str(), O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)};
  if (!log && errno == ENOENT)
    return false;
  if (!log && errno != ELOOP)
    return fail_errno("open " + path);
  struct stat info {};
  if (!log || ::fstat(log.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return fail(ec::unsafe_path, "shorten " + path, "it is not a regular file",
                "move it out of the way");
  auto size = static_cast<std::uint64_t>(info.st_size);
  if (size <= limit)
    return false;
  auto temporary = path + ".1.tmp";
  unique_fd kept{
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (!kept)
    return fail_errno("write " + temporary);
  auto ok = copy_rest(log.get(), kept.get(), static_cast<off_t>(size - limit), 2 * limit, path);
  if (ok && ::rename(temporary.c_str(), (path + ".1").c_str()) != 0)
    ok = fail_errno("replace " + path + ".1");
  if (!ok) {
    remove_file(temporary);
    return tl::make_unexpected(ok.error());
  }
  if (::ftruncate(log.get(), 0) != 0)
    return fail_errno("shorten " + path);
  return true;
}

} // namespace banger::host
