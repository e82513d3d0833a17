#include "cli/output_stream.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace banger::cli {

output_stream::output_stream(int fd) : fd_(fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0)
    return;
  is_socket_ = S_ISSOCK(info.st_mode);
  if (!S_ISFIFO(info.st_mode) && !S_ISCHR(info.st_mode))
    return;
  own_.reset(::open(("/proc/self/fd/" + std::to_string(fd)).c_str(),
                    O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (own_)
    fd_ = own_.get();
}

std::optional<std::size_t> output_stream::flush() {
  std::size_t done = 0;
  while (!is_empty()) {
    const auto* from = queue_.data() + sent_;
    auto left = queue_.size() - sent_;
    auto n = is_socket_ ? ::send(fd_, from, left, MSG_DONTWAIT | MSG_NOSIGNAL)
                        : ::write(fd_, from, left);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno == EAGAIN)
      break;
    if (n < 0)
      return std::nullopt;
    sent_ += static_cast<std::size_t>(n);
    done += static_cast<std::size_t>(n);
  }
  if (2 * sent_ >= queue_.size()) { // also where it never is empty: what is written takes no room
    queue_.erase(0, sent_);
    sent_ = 0;
  }
  return done;
}

} // namespace banger::cli
