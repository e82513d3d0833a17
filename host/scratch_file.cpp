#include "host/scratch_file.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace banger::host {

result<unique_fd> make_scratch_file(std::string_view content) {
  unique_fd fd{::memfd_create("banger", MFD_CLOEXEC)};
  if (!fd)
    return fail_errno("make a temporary file");
  while (!content.empty()) {
    auto n = ::write(fd.get(), content.data(), content.size());
    if (n < 0 && errno != EINTR)
      return fail_errno("write to a temporary file");
    if (n > 0)
      content.remove_prefix(static_cast<std::size_t>(n));
  }
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

result<std::string> read_scratch_file(const unique_fd& file) {
  struct stat info {};
  if (::fstat(file.get(), &info) != 0)
    return fail_errno("read a temporary file");
  std::string text(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t at = 0;
  while (at < text.size()) {
    auto n = ::pread(file.get(), text.data() + at, text.size() - at, static_cast<off_t>(at));
    if (n < 0 && errno != EINTR)
      return fail_errno("read a temporary file");
    if (n == 0)
      break;
    at += static_cast<std::size_t>(std::max<ssize_t>(n, 0));
  }
  text.resize(at);
  return text;
}

} // namespace banger::host
