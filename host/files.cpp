#include "host/files.hpp"

#include "host/unique_fd.hpp"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace banger::host {

namespace fs = std::filesystem;

namespace {

result<void> write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    auto n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fail_errno("write " + path);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

/// Grows with what comes: files in /proc say that they are empty.
result<std::string> read_at_most(int fd, std::size_t bytes, const std::string& path) {
  struct stat info {};
  auto expected =
      ::fstat(fd, &info) == 0 ? static_cast<std::size_t>(info.st_size) + 1 : std::size_t{0};
  constexpr std::size_t least = 4096;
  std::string text;
  std::size_t got = 0;
  while (got < bytes) {
    if (got == text.size())
      text.resize(std::min(bytes, std::max({expected, least, 2 * got})));
    auto n = ::read(fd, text.data() + got, text.size() - got);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fail_errno("read " + path);
    if (n == 0)
      break;
    got += static_cast<std::size_t>(n);
  }
  text.resize(got);
  return text;
}

result<unique_fd> open_for_reading(const std::string& path) {
  unique_fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd)
    return fail_errno("open " + path);
  return fd;
}

int sync(int fd) {
  int code = 0;
  do
    code = ::fsync(fd);
  while (code != 0 && errno == EINTR);
  return code;
}

result<void> sync_folder_of(const std::string& path) {
  auto folder = fs::path{path}.parent_path().string();
  unique_fd fd{::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd || sync(fd.get()) != 0)
    return fail_errno("sync " + folder);
  return {};
}

/// Makes missing folders above `path`, private ones as the XDG specification wants them. What goes
/// wrong here, the caller's own mkdir says.
void make_parents(const fs::path& path) {
  auto parent = path.parent_path();
  if (parent.empty() || parent == path || exists(parent.string()))
    return;
  make_parents(parent);
  (void)::mkdir(parent.c_str(), 0700);
}

} // namespace

result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  auto fd = open_for_reading(path);
  if (!fd)
    return tl::make_unexpected(fd.error());
  auto text = read_at_most(fd->get(), max_bytes + 1, path);
  if (text && text->size() > max_bytes)
    return fail(ec::failed, "read " + path,
                "it is longer than " + std::to_string(max_bytes) + " bytes");
  return text;
}

result<std::string> read_tail(const std::string& path, std::size_t max_bytes) {
  auto fd = open_for_reading(path);
  if (!fd)
    return tl::make_unexpected(fd.error());
  auto size = std::max<off_t>(::lseek(fd->get(), 0, SEEK_END), 0);
  auto wanted = std::min<off_t>(size, static_cast<off_t>(max_bytes));
  (void)::lseek(fd->get(), size - wanted, SEEK_SET);
  return read_at_most(fd->get(), static_cast<std::size_t>(wanted), path);
}

result<std::string> read_head(const std::string& path, std::size_t max_bytes) {
  auto fd = open_for_reading(path);
  if (!fd)
    return tl::make_unexpected(fd.error());
  return read_at_most(fd->get(), max_bytes, path);
}

result<void> write_file_durably(const std::string& path, std::string_view text, mode_t mode) {
  auto temporary = path + ".tmp";
  unique_fd fd{
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)};
  if (!fd)
    return fail_errno("write " + temporary);
  auto ok = write_all(fd.get(), text, temporary);
  // Exactly this mode: the umask and a left-over of a crash have no say.
  if (ok && ::fchmod(fd.get(), mode) != 0)
    ok = fail_errno("set the mode of " + temporary);
  if (ok && sync(fd.get()) != 0)
    ok = fail_errno("sync " + temporary);
  if (ok && ::rename(temporary.c_str(), path.c_str()) != 0)
    ok = fail_errno("replace " + path);
  if (!ok) {
    remove_file(temporary);
    return ok;
  }
  return sync_folder_of(path);
}

result<void> write_file(const std::string& path, std::string_view text, mode_t mode) {
  unique_fd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)};
  if (!fd)
    return fail_errno("write " + path);
  return write_all(fd.get(), text, path);
}

result<void> make_private_directory(const std::string& path) {
  make_parents(path);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return fail_errno("make the folder " + path);
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0)
    return fail_errno("look at " + path);
  auto unsafe = [&](std::string why, std::string hint) {
    return fail(ec::unsafe_path, "use the folder " + path, std::move(why), std::move(hint));
  };
  if (!S_ISDIR(info.st_mode))
    return unsafe(S_ISLNK(info.st_mode) ? "it is a symbolic link" : "it is not a folder",
                  "move it out of the way");
  if ((info.st_mode & S_ISVTX) != 0)
    return unsafe("it is shared by all users", "use a folder inside it");
  if (info.st_uid != ::geteuid())
    return unsafe("it belongs to uid " + std::to_string(info.st_uid),
                  "remove it or give it to this user");
  if ((info.st_mode & 077) != 0)
    return unsafe("others may enter it", "chmod 700 " + path);
  return {};
}

result<void> remove_tree(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error)
    return fail(ec::failed, "remove " + path, error.message());
  return {};
}

void remove_file(const std::string& path) {
  (void)::unlink(path.c_str());
}

result<std::uint64_t> free_bytes(const std::string& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0)
    return fail_errno("look at the disk of " + path);
  return std::uint64_t{info.f_bavail} * info.f_frsize;
}

std::uint64_t file_size(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

bool exists(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

} // namespace banger::host
