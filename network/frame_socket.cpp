#include "network/frame_socket.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <sys/socket.h>

namespace banger::network {

namespace {

constexpr std::size_t prefix_size = 4;
/// More than a Unix socket holds by default (208 KiB), so that one read empties it.
constexpr std::size_t buffer_size = 256U << 10;

} // namespace

// Not make_unique: it would fill, and so occupy, what an idle guest never needs.
frame_socket::frame_socket(host::unique_fd fd) : fd_(std::move(fd)), in_(new char[buffer_size]) {}

result<bool> frame_socket::receive() {
  std::memmove(in_.get(), in_.get() + taken_, filled_ - taken_);
  filled_ -= taken_;
  taken_ = 0;
  auto n = ::recv(fd_.get(), in_.get() + filled_, buffer_size - filled_, MSG_DONTWAIT);
  if (n > 0) {
    filled_ += static_cast<std::size_t>(n);
    return true;
  }
  if (n == 0 || errno == ECONNRESET)
    return false;
  if (errno == EAGAIN || errno == EINTR)
    return true;
  return fail_errno("read from QEMU");
}

result<std::string_view> frame_socket::next_frame() {
  auto available = filled_ - taken_;
  if (available < prefix_size)
    return std::string_view{};
  std::uint32_t size = 0;
  std::memcpy(&size, in_.get() + taken_, prefix_size);
  size = ntohl(size);
  if (size == 0 || size > max_frame_size)
    return fail(ec::failed, "read from QEMU",
                "it announced a frame of " + std::to_string(size) + " bytes");
  if (available - prefix_size < size)
    return std::string_view{};
  std::string_view frame{in_.get() + taken_ + prefix_size, size};
  taken_ += prefix_size + size;
  return frame;
}

void frame_socket::send(std::string_view frame) {
  if (out_.size() - sent_ + prefix_size + frame.size() > max_queued_size)
    return;
  if (sent_ > max_queued_size / 2) { // else the sent part would grow while a slow QEMU reads
    out_.erase(0, sent_);
    sent_ = 0;
  }
  auto prefix = htonl(static_cast<std::uint32_t>(frame.size()));
  out_.append(reinterpret_cast<const char*>(&prefix), prefix_size);
  out_.append(frame);
}

void frame_socket::flush() {
  while (has_unsent()) {
    auto n =
        ::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return;
    sent_ += static_cast<std::size_t>(n);
  }
  out_.clear();
  sent_ = 0;
}

} // namespace banger::network
