#include "ssh/owned_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace banger::ssh {

namespace {

constexpr mode_t others_can_write = S_IWGRP | S_IWOTH;

int flags_of(owned_file::mode how) {
  switch (how) {
    case owned_file::mode::read: return O_RDONLY;
    case owned_file::mode::append: return O_RDWR | O_APPEND;
    case owned_file::mode::append_create: return O_RDWR | O_APPEND | O_CREAT;
    case owned_file::mode::replace_bytes: return O_RDWR;
    case owned_file::mode::create_new: return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

tl::unexpected<failure> unsafe(const std::filesystem::path& path, std::string why,
                               std::string hint) {
  return fail(ec::unsafe_path, "use " + path.string(), std::move(why), std::move(hint));
}

std::string owner_text(uid_t owner) {
  return "it belongs to user " + std::to_string(owner) + ", not to us";
}

/// Why open(2) failed, with the fix where we know it.
tl::unexpected<failure> open_failure(const std::filesystem::path& path, int error) {
  const auto text = path.string();
  if (error == ELOOP)
    return unsafe(path, "it is a symbolic link", "replace it by a file: rm " + text);
  if (error == EISDIR)
    return unsafe(path, "it is a folder", "move it away: mv " + text + " " + text + ".old");
  if (error == EACCES || error == EPERM)
    return unsafe(path, std::generic_category().message(error), "chmod 600 " + text);
  return file_failure("open " + text, error);
}

std::chrono::nanoseconds nanoseconds_of(const timespec& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

file_stamp stamp_of(const struct stat& from) {
  return {{from.st_dev, from.st_ino},
          from.st_size,
          nanoseconds_of(from.st_mtim),
          nanoseconds_of(from.st_ctim)};
}

std::string mode_text(mode_t mode) {
  std::string out = "0";
  for (unsigned shift = 9; shift != 0; shift -= 3)
    out += static_cast<char>('0' + (mode >> (shift - 3) & 7));
  return out;
}

} // namespace

tl::unexpected<failure> file_failure(std::string what, int error) {
  auto out = fail_errno(std::move(what), error);
  if (out.value().code == ec::failed)
    out.value().code = ec::storage_failed;
  return out;
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

result<void> check_folder(const std::filesystem::path& folder) {
  struct stat found = {};
  if (::stat(folder.c_str(), &found) != 0)
    return file_failure("look at " + folder.string(), errno);
  if (!S_ISDIR(found.st_mode))
    return unsafe(folder, "it is not a folder", "move it away");
  if (found.st_uid != ::geteuid())
    return unsafe(folder, owner_text(found.st_uid), "chown it, or move it away");
  if ((found.st_mode & others_can_write) != 0)
    return unsafe(folder, "group or others can write it (mode " + mode_text(found.st_mode) + ")",
                  "chmod 700 " + folder.string());
  return {};
}

result<void> make_folder(const std::filesystem::path& folder) {
  std::filesystem::path made;
  for (const auto& part : folder) {
    made /= part;
    if (::mkdir(made.c_str(), 0700) == 0 || errno == EEXIST)
      continue;
    const int error = errno;
    std::error_code ignored;
    if (!std::filesystem::is_directory(
            made, ignored)) // EROFS or EACCES of one that is there is no trouble
      return file_failure("make the folder " + made.string(), error);
  }
  return check_folder(folder);
}

result<void> sync_folder(const std::filesystem::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return file_failure("open " + folder.string(), errno);
  const int failed = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  if (failed != 0)
    return file_failure("write " + folder.string() + " to the disk", error);
  return {};
}

result<owned_file> owned_file::open(const std::filesystem::path& path, mode how) {
  if (auto folder = check_folder(folder_of(path)); !folder)
    return tl::make_unexpected(folder.error());
  // O_NONBLOCK: opening a FIFO would else wait for its other end. It changes nothing for a regular
  // file.
  const int flags = flags_of(how) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  const int fd = ::open(path.c_str(), flags, 0600);
  if (fd < 0)
    return open_failure(path, errno);
  owned_file out(fd, path);
  if (auto checked = out.check(); !checked)
    return tl::make_unexpected(checked.error());
  return out;
}

owned_file::owned_file(owned_file&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), stamp_(other.stamp_) {}

owned_file& owned_file::operator=(owned_file&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  std::swap(stamp_, other.stamp_);
  return *this;
}

owned_file::~owned_file() {
  if (fd_ >= 0)
    ::close(fd_);
}

result<void> owned_file::check() {
  struct stat found = {};
  if (::fstat(fd_, &found) != 0)
    return file_failure("look at " + path_.string(), errno);
  if (S_ISDIR(found.st_mode))
    return open_failure(path_, EISDIR);
  if (!S_ISREG(found.st_mode))
    return unsafe(path_, "it is not a regular file", "move it away");
  if (found.st_uid != ::geteuid())
    return unsafe(path_, owner_text(found.st_uid), "chown it, or move it away");
  if ((found.st_mode & others_can_write) != 0)
    return unsafe(path_, "group or others can write it (mode " + mode_text(found.st_mode) + ")",
                  "chmod 600 " + path_.string());
  stamp_ = stamp_of(found);
  return {};
}

result<file_stamp> owned_file::stamp_now() const {
  struct stat found = {};
  if (::fstat(fd_, &found) != 0)
    return file_failure("look at " + path_.string(), errno);
  return stamp_of(found);
}

result<std::chrono::nanoseconds> owned_file::made_at() const {
  struct statx found = {};
  if (::statx(fd_, "", AT_EMPTY_PATH, STATX_BTIME | STATX_MTIME, &found) != 0)
    return file_failure("look at " + path_.string(), errno);
  const auto& time = (found.stx_mask & STATX_BTIME) != 0 ? found.stx_btime : found.stx_mtime;
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

result<std::string> owned_file::read_from(std::size_t offset) const {
  struct stat found = {};
  if (::fstat(fd_, &found) != 0)
    return file_failure("look at " + path_.string(), errno);
  if (found.st_size > static_cast<off_t>(largest_size))
    return fail(ec::storage_failed, "read " + path_.string(), "it is larger than 64 MiB");
  std::string out;
  if (found.st_size > static_cast<off_t>(offset))
    out.reserve(static_cast<std::size_t>(found.st_size) - offset);
  std::array<char, 65536> buffer; // NOLINT: read into
  for (;;) {
    const auto position = static_cast<off_t>(offset + out.size());
    const auto size = ::pread(fd_, buffer.data(), buffer.size(), position);
    if (size < 0 && errno == EINTR)
      continue;
    if (size < 0)
      return file_failure("read " + path_.string(), errno);
    if (size == 0)
      return out;
    out.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

result<std::size_t> owned_file::append_lines(std::string_view lines) {
  struct stat found = {};
  if (::fstat(fd_, &found) != 0)
    return file_failure("look at " + path_.string(), errno);
  char last = '\n';
  if (found.st_size > 0 && ::pread(fd_, &last, 1, found.st_size - 1) < 0)
    return file_failure("read " + path_.string(), errno);
  std::string text = last == '\n' ? "" : "\n";
  text += lines;
  if (text.empty())
    return static_cast<std::size_t>(found.st_size);
  ssize_t written = 0;
  do
    written = ::write(fd_, text.data(), text.size());
  while (written < 0 && errno == EINTR);
  if (written < 0)
    return file_failure("write " + path_.string(), errno);
  if (static_cast<std::size_t>(written) != text.size()) {
    // End the broken line, so that it stays alone. If even that does not fit, the next append does
    // it.
    [[maybe_unused]] const auto ignored = ::write(fd_, "\n", 1);
    return fail(ec::no_space, "write " + path_.string(), "only a part of a line could be written");
  }
  // An append leaves the position behind what it wrote, wherever other writers have put the end
  // meanwhile.
  const auto end = ::lseek(fd_, 0, SEEK_CUR);
  if (end < 0)
    return file_failure("write " + path_.string(), errno);
  return static_cast<std::size_t>(end) - lines.size();
}

result<bool> owned_file::comment_out(std::size_t offset, std::string_view expected) {
  std::string there(expected.size(), '\0');
  const auto position = static_cast<off_t>(offset);
  const auto size = ::pread(fd_, there.data(), there.size(), position);
  if (size < 0)
    return file_failure("read " + path_.string(), errno);
  if (static_cast<std::size_t>(size) != expected.size() || there != expected)
    return false;
  if (::pwrite(fd_, "#", 1, position) != 1)
    return file_failure("write " + path_.string(), errno);
  return true;
}

result<void> owned_file::sync() const {
  if (::fdatasync(fd_) != 0)
    return file_failure("write " + path_.string() + " to the disk", errno);
  return {};
}

result<bool> owned_file::try_lock() const {
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0)
    return true;
  if (errno == EWOULDBLOCK)
    return false;
  return file_failure("lock " + path_.string(), errno);
}

} // namespace banger::ssh
