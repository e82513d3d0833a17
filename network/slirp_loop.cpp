#include "network/slirp_loop.hpp"

#include "core/frame_filter.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <poll.h>
#include <slirp/libslirp.h>
#include <sys/socket.h>

namespace banger::network {

namespace {

constexpr std::size_t prefix_size = 4;
constexpr std::size_t max_frame = 66'000; // the largest IP packet and its Ethernet header
constexpr std::size_t max_queued = 4U
                                   << 20; // more than that is dropped, as a full network card does
constexpr std::size_t read_size = 256U << 10;

in_addr ipv4(const char* text) {
  in_addr x{};
  ::inet_pton(AF_INET, text, &x);
  return x;
}

struct poll_set {
  std::vector<pollfd> fds;
};

int add_poll(int fd, int events, void* opaque) {
  auto& set = *static_cast<poll_set*>(opaque);
  short wanted = 0;
  if ((events & SLIRP_POLL_IN) != 0)
    wanted |= POLLIN;
  if ((events & SLIRP_POLL_OUT) != 0)
    wanted |= POLLOUT;
  if ((events & SLIRP_POLL_PRI) != 0)
    wanted |= POLLPRI;
  set.fds.push_back({fd, wanted, 0});
  return static_cast<int>(set.fds.size()) - 1;
}

int poll_result(int index, void* opaque) {
  auto got = static_cast<poll_set*>(opaque)->fds[static_cast<std::size_t>(index)].revents;
  int events = 0;
  if ((got & POLLIN) != 0)
    events |= SLIRP_POLL_IN;
  if ((got & POLLOUT) != 0)
    events |= SLIRP_POLL_OUT;
  if ((got & POLLPRI) != 0)
    events |= SLIRP_POLL_PRI;
  if ((got & POLLERR) != 0)
    events |= SLIRP_POLL_ERR;
  if ((got & POLLHUP) != 0)
    events |= SLIRP_POLL_HUP;
  return events;
}

} // namespace

/// libslirp's view of us. Its one timer is for IPv6 router advertisements, which are off.
struct slirp_callbacks {
  static ssize_t send_packet(const void* data, size_t size, void* opaque) {
    static_cast<slirp_loop*>(opaque)->send_frame(data, size);
    return static_cast<ssize_t>(size);
  }
  static void guest_error(const char*, void*) {} // a guest must not be able to fill our log
  static int64_t clock_get_ns(void*) {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
  }
  static void* timer_new(SlirpTimerCb, void*, void*) {
    static int timer;
    return &timer;
  }
  static void timer_free(void*, void*) {}
  static void timer_mod(void*, int64_t, void*) {}
  static void poll_fd_changed(int, void*) {} // the set is made anew for each wait
  static void notify(void*) {}

  static const SlirpCb& table() {
    static const SlirpCb callbacks = [] {
      SlirpCb x{};
      x.send_packet = send_packet;
      x.guest_error = guest_error;
      x.clock_get_ns = clock_get_ns;
      x.timer_new = timer_new;
      x.timer_free = timer_free;
      x.timer_mod = timer_mod;
      x.register_poll_fd = poll_fd_changed;
      x.unregister_poll_fd = poll_fd_changed;
      x.notify = notify;
      return x;
    }();
    return callbacks;
  }
};

slirp_loop::slirp_loop(host::unique_fd socket) : socket_(std::move(socket)) {}

slirp_loop::~slirp_loop() {
  if (slirp_ != nullptr)
    slirp_cleanup(slirp_);
}

result<void> slirp_loop::start(const network_options& options) {
  SlirpConfig config{};
  config.version = 4;
  config.restricted = options.is_isolated ? 1 : 0;
  config.in_enabled = true;
  config.vnetwork = ipv4("10.0.2.0");
  config.vnetmask = ipv4("255.255.255.0");
  config.vhost = ipv4("10.0.2.2");
  config.vdhcp_start = ipv4("10.0.2.15");
  config.vnameserver = ipv4("10.0.2.3");
  config.disable_host_loopback = true;
  slirp_ = slirp_new(&config, &slirp_callbacks::table(), this);
  if (slirp_ == nullptr)
    return fail(ec::failed, "make the network", "libslirp refused");
  for (const auto& rule : options.forwards)
    if (slirp_add_hostfwd(slirp_, 0, ipv4(rule.address.c_str()), rule.port, ipv4("10.0.2.15"),
                          rule.guest_port) != 0)
      return fail(errno == EADDRINUSE ? ec::already_exists : ec::failed,
                  "forward " + rule.address + " port " + std::to_string(rule.port),
                  std::strerror(errno));
  return {};
}

result<void> slirp_loop::run() {
  poll_set set;
  for (;;) {
    set.fds.clear();
    auto wanted = static_cast<short>(POLLIN | (out_.empty() ? 0 : POLLOUT));
    set.fds.push_back({socket_.get(), wanted, 0});
    std::uint32_t timeout = UINT32_MAX;
    slirp_pollfds_fill(slirp_, &timeout, add_poll, &set);
    auto n = ::poll(set.fds.data(), set.fds.size(),
                    timeout == UINT32_MAX ? -1 : static_cast<int>(timeout));
    if (n < 0 && errno != EINTR)
      return fail_errno("wait for packets");
    // The guest's frames first: libslirp sends what waited for them (an ARP reply, an ACK) when it
    // is polled, and would otherwise keep it until its next timer, up to a second later.
    if (n > 0 && (set.fds.front().revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
      auto is_open = read_frames();
      if (!is_open)
        return tl::make_unexpected(is_open.error());
      if (!*is_open)
        return {};
    }
    slirp_pollfds_poll(slirp_, n < 0 ? 1 : 0, poll_result, &set);
    flush();
  }
}

/// @returns false at the end of the stream.
result<bool> slirp_loop::read_frames() {
  auto old = in_.size();
  in_.resize(old + read_size);
  auto n = ::recv(socket_.get(), in_.data() + old, read_size, MSG_DONTWAIT);
  auto error = errno;
  in_.resize(old + static_cast<std::size_t>(n > 0 ? n : 0));
  if (n == 0 || (n < 0 && error == ECONNRESET))
    return false;
  if (n < 0 && error != EAGAIN && error != EINTR)
    return fail_errno("read from QEMU", error);
  if (auto ok = take_frames(); !ok)
    return tl::make_unexpected(ok.error());
  return true;
}

result<void> slirp_loop::take_frames() {
  std::size_t at = 0;
  while (in_.size() - at >= prefix_size) {
    std::uint32_t size = 0;
    std::memcpy(&size, in_.data() + at, prefix_size);
    size = ntohl(size);
    if (size == 0 || size > max_frame)
      return fail(ec::failed, "read from QEMU", "a frame of " + std::to_string(size) + " bytes");
    if (in_.size() - at - prefix_size < size)
      break;
    std::string_view frame{in_.data() + at + prefix_size, size};
    if (core::judge_frame(frame) == core::frame_verdict::pass)
      slirp_input(slirp_, reinterpret_cast<const std::uint8_t*>(frame.data()),
                  static_cast<int>(frame.size()));
    at += prefix_size + size;
  }
  in_.erase(0, at);
  return {};
}

void slirp_loop::send_frame(const void* data, std::size_t size) {
  if (out_.size() - sent_ + size > max_queued)
    return; // TCP sends it again, more slowly
  auto prefix = htonl(static_cast<std::uint32_t>(size));
  out_.append(reinterpret_cast<const char*>(&prefix), prefix_size);
  out_.append(static_cast<const char*>(data), size);
}

void slirp_loop::flush() {
  while (sent_ < out_.size()) {
    auto n = ::send(socket_.get(), out_.data() + sent_, out_.size() - sent_,
                    MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      break; // full, or closed: the next read sees which
    sent_ += static_cast<std::size_t>(n);
  }
  if (sent_ == out_.size()) {
    out_.clear();
    sent_ = 0;
  } else if (sent_ > max_queued / 4) {
    out_.erase(0, sent_);
    sent_ = 0;
  }
}

} // namespace banger::network
