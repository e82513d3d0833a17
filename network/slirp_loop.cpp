#include "network/slirp_loop.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <ctime>
#include <slirp/libslirp.h>
#include <sys/socket.h>

namespace banger::network {

namespace {

constexpr int listen_backlog = 128; // libslirp's own is 1: the third of a burst would wait a second

in_addr ipv4(const char* text) {
  in_addr x{};
  ::inet_pton(AF_INET, text, &x);
  return x;
}

short to_poll(int events) {
  int x = 0;
  x |= (events & SLIRP_POLL_IN) != 0 ? POLLIN : 0;
  x |= (events & SLIRP_POLL_OUT) != 0 ? POLLOUT : 0;
  x |= (events & SLIRP_POLL_PRI) != 0 ? POLLPRI : 0;
  return static_cast<short>(x); // POLLERR and POLLHUP are always reported
}

int from_poll(int events) {
  int x = 0;
  x |= (events & POLLIN) != 0 ? SLIRP_POLL_IN : 0;
  x |= (events & POLLOUT) != 0 ? SLIRP_POLL_OUT : 0;
  x |= (events & POLLPRI) != 0 ? SLIRP_POLL_PRI : 0;
  x |= (events & POLLERR) != 0 ? SLIRP_POLL_ERR : 0;
  x |= (events & POLLHUP) != 0 ? SLIRP_POLL_HUP : 0;
  return x;
}

} // namespace

/// libslirp's view of us. Its only timer object is for IPv6 router advertisements, which are off;
/// the others are the timeout that slirp_pollfds_fill() asks for.
struct slirp_callbacks {
  static slirp_loop& loop(void* opaque) { return *static_cast<slirp_loop*>(opaque); }

  static ssize_t send_packet(const void* data, size_t size, void* opaque) {
    loop(opaque).send_frame({static_cast<const char*>(data), size});
    return static_cast<ssize_t>(size);
  }
  static void guest_error(const char*, void*) {} // a guest must not be able to fill our log
  static int64_t clock_get_ns(void*) {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  }
  static void* timer_new(SlirpTimerCb, void*, void*) {
    static char timer;
    return &timer;
  }
  static void timer_free(void*, void*) {}
  static void timer_mod(void*, int64_t, void*) {}
  static void register_poll_fd(int fd, void* opaque) {
    if (fd >= 0) // libslirp registers also the socket that it could not open
      loop(opaque).connections_.insert(fd);
  }
  static void unregister_poll_fd(int fd, void* opaque) { loop(opaque).connections_.erase(fd); }
  static void notify(void*) {} // we look at everything in each round

  static int add_poll(int fd, int events, void* opaque) {
    auto& polled = loop(opaque).polled_;
    polled.push_back({fd, to_poll(events), 0});
    return static_cast<int>(polled.size()) - 1;
  }
  static int get_revents(int index, void* opaque) {
    return from_poll(loop(opaque).polled_[static_cast<std::size_t>(index)].revents);
  }

  static const SlirpCb table;
};

const SlirpCb slirp_callbacks::table = [] {
  SlirpCb x{};
  x.send_packet = send_packet;
  x.guest_error = guest_error;
  x.clock_get_ns = clock_get_ns;
  x.timer_new = timer_new;
  x.timer_free = timer_free;
  x.timer_mod = timer_mod;
  x.register_poll_fd = register_poll_fd;
  x.unregister_poll_fd = unregister_poll_fd;
  x.notify = notify;
  return x;
}();

slirp_loop::slirp_loop(host::unique_fd socket, counter_page counters)
    : qemu_(std::move(socket)), counters_(std::move(counters)) {}

slirp_loop::~slirp_loop() {
  if (slirp_ != nullptr)
    slirp_cleanup(slirp_);
}

result<void> slirp_loop::start(const network_options& options) {
  way_out_ = options.is_isolated ? core::way_out::closed : core::way_out::open;
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
  slirp_ = slirp_new(&config, &slirp_callbacks::table, this);
  if (slirp_ == nullptr)
    return fail(ec::failed, "make the network", "libslirp refused its configuration");
  for (const auto& rule : options.forwards)
    if (auto ok = bind_forward(rule); !ok)
      return ok;
  std::uint32_t ignored = 0;
  polled_.clear();
  slirp_pollfds_fill(slirp_, &ignored, slirp_callbacks::add_poll, this);
  for (const auto& listener : polled_) // there is nothing else yet
    ::listen(listener.fd, listen_backlog);
  connections_.clear(); // libslirp 4.7 does not register listeners, later ones do
  return {};
}

result<void> slirp_loop::bind_forward(const core::forward_rule& rule) {
  if (slirp_add_hostfwd(slirp_, 0, ipv4(rule.address.c_str()), rule.port, ipv4("10.0.2.15"),
                        rule.guest_port) == 0)
    return {};
  auto error = errno;
  auto failed = fail_errno("forward " + rule.address + " port " + std::to_string(rule.port), error);
  if (error == EADDRINUSE)
    failed.value().code = ec::already_exists;
  return failed;
}

result<void> slirp_loop::run() {
  for (;;) {
    auto n = wait();
    if (n < 0 && errno != EINTR)
      return fail_errno("wait for packets");
    // libslirp takes its clock from this call only. After a long wait its sockets would be made in
    // the past, and an answer to a DNS query thrown away as too late.
    slirp_pollfds_poll(slirp_, 1, slirp_callbacks::get_revents, this);
    // The guest's frames before the rest: the answers go out in the same round.
    if (n > 0 && (polled_.front().revents & ~POLLOUT) != 0) {
      auto is_open = qemu_.receive();
      if (!is_open)
        return tl::make_unexpected(is_open.error());
      if (!*is_open)
        return {};
      if (auto ok = take_frames(); !ok)
        return ok;
    }
    slirp_pollfds_poll(slirp_, n < 0 ? 1 : 0, slirp_callbacks::get_revents, this);
    qemu_.flush();
  }
}

/// @returns what poll(2) returns.
int slirp_loop::wait() {
  polled_.clear();
  polled_.push_back(
      {qemu_.fd(), to_poll(SLIRP_POLL_IN | (qemu_.has_unsent() ? SLIRP_POLL_OUT : 0)), 0});
  std::uint32_t timeout_ms = UINT32_MAX;
  slirp_pollfds_fill(slirp_, &timeout_ms, slirp_callbacks::add_poll, this);
  // libslirp wants to be called twice a second as soon as there is a forward. Its timers are about
  // connections; without any there is nothing to wake up for.
  auto timeout = connections_.empty() ? -1 : static_cast<int>(timeout_ms);
  return ::poll(polled_.data(), polled_.size(), timeout);
}

result<void> slirp_loop::take_frames() {
  for (;;) {
    auto frame = qemu_.next_frame();
    if (!frame)
      return tl::make_unexpected(frame.error());
    if (frame->empty())
      return {};
    counters_.add_sent(frame->size());
    auto verdict = core::judge_frame(*frame, way_out_);
    if (verdict == core::frame_verdict::pass)
      slirp_input(slirp_, reinterpret_cast<const std::uint8_t*>(frame->data()),
                  static_cast<int>(frame->size()));
    else if (auto refusal = core::refusal_of(*frame, verdict); !refusal.empty())
      send_frame(refusal);
  }
}

void slirp_loop::send_frame(std::string_view frame) {
  counters_.add_received(frame.size());
  qemu_.send(frame);
}

} // namespace banger::network
