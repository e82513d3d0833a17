#include "network/vsock_loop.hpp"

#include "core/firecracker_vsock.hpp"
#include "host/tcp_listener.hpp"
#include "host/unix_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace banger::network {

namespace {

constexpr std::size_t most_connections = 256;
constexpr std::size_t most_bytes = 64U << 10;
constexpr short is_readable = POLLIN | POLLHUP | POLLERR;

/// Reads as much as there is room for.
void fill(int fd, std::string& bytes, bool& has_ended) {
  char buffer[16U << 10];
  while (!has_ended && bytes.size() + sizeof buffer <= most_bytes) {
    const auto size = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (size > 0)
      bytes.append(buffer, static_cast<std::size_t>(size));
    else if (size < 0 && errno == EINTR)
      continue;
    else if (size < 0 && errno == EAGAIN)
      return;
    else
      has_ended = true;
  }
}

/// Writes what it takes. @returns false where it takes nothing any more.
bool drain(int fd, std::string& bytes) {
  while (!bytes.empty()) {
    const auto size = ::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR)
      continue;
    if (size < 0)
      return errno == EAGAIN;
    bytes.erase(0, static_cast<std::size_t>(size));
  }
  return true;
}

} // namespace

vsock_loop::vsock_loop(host::unique_fd process, std::string device)
    : process_(std::move(process)), device_(std::move(device)) {}

result<void> vsock_loop::start(const std::vector<core::forward_rule>& forwards) {
  for (const auto& rule : forwards) {
    auto made = host::listen_tcp(rule.address, rule.port);
    if (!made)
      return tl::make_unexpected(made.error());
    listeners_.push_back({std::move(made->sockets.front()), rule.guest_port});
  }
  return {};
}

void vsock_loop::take_client(const listener& from) {
  host::unique_fd client{::accept4(from.fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
  if (!client || connections_.size() >= most_connections)
    return; // closed: whoever comes hears so at once
  auto guest = host::connect_unix(device_);
  if (!guest)
    return;          // the guest does not run yet
  const int yes = 1; // as for any terminal
  (void)::setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  connection x;
  x.client = std::move(client);
  x.guest = std::move(*guest);
  auto line = core::firecracker::connect_line(from.guest_port);
  if (drain(x.guest.get(), line) && line.empty()) // an empty socket takes it whole
    connections_.push_back(std::move(x));
}

/// Firecracker's line is read byte for byte: those after it are the guest's.
bool vsock_loop::read_reply(connection& x) {
  for (char byte = 0; x.reply.size() <= core::firecracker::longest_connect_reply;) {
    const auto size = ::recv(x.guest.get(), &byte, 1, MSG_DONTWAIT);
    if (size < 0 && errno == EINTR)
      continue;
    if (size < 0 && errno == EAGAIN)
      return true;
    if (size <= 0)
      return false;
    if (byte == '\n') {
      x.is_open = core::firecracker::parse_connect_reply(x.reply).has_value();
      return x.is_open;
    }
    x.reply += byte;
  }
  return false;
}

bool vsock_loop::serve(connection& x) {
  const auto client = polled_[x.polled].revents, guest = polled_[x.polled + 1].revents;
  if (!x.is_open)
    return (client & (POLLHUP | POLLERR)) == 0 && ((guest & is_readable) == 0 || read_reply(x));
  auto pass = [](stream& way, const host::unique_fd& from, bool comes, const host::unique_fd& to) {
    if (comes)
      fill(from.get(), way.bytes, way.has_ended);
    way.is_refused = way.is_refused || !drain(to.get(), way.bytes);
    if (way.has_ended && way.bytes.empty() && !std::exchange(way.is_passed, true))
      (void)::shutdown(to.get(), SHUT_WR);
  };
  pass(x.to_guest, x.client, (client & is_readable) != 0, x.guest);
  pass(x.to_client, x.guest, (guest & is_readable) != 0, x.client);
  const auto is_done = x.to_guest.is_passed && x.to_client.is_passed;
  return !is_done && !x.to_guest.is_refused && !x.to_client.is_refused;
}

void vsock_loop::poll_for(connection& x) {
  auto wanted = [](const stream& in, const stream& out) {
    const auto may_read = !in.has_ended && in.bytes.size() < most_bytes / 2;
    return static_cast<short>((may_read ? POLLIN : 0) | (out.bytes.empty() ? 0 : POLLOUT));
  };
  x.polled = polled_.size();
  // An end that both sides have shut is reported again and again: not looked at any more.
  auto add = [this](const host::unique_fd& fd, short events) {
    polled_.push_back({events == 0 ? -1 : fd.get(), events, 0});
  };
  if (x.is_open) {
    add(x.client, wanted(x.to_guest, x.to_client));
    add(x.guest, wanted(x.to_client, x.to_guest));
  } else {
    polled_.push_back({x.client.get(), 0, 0}); // only whether it has gone
    add(x.guest, POLLIN);
  }
}

result<void> vsock_loop::run() {
  for (;;) {
    polled_.assign(1, {process_.get(), POLLIN, 0});
    for (const auto& each : listeners_)
      polled_.push_back({each.fd.get(), POLLIN, 0});
    for (auto& each : connections_)
      poll_for(each);
    if (::poll(polled_.data(), polled_.size(), -1) < 0) {
      if (errno == EINTR)
        continue;
      return fail_errno("poll");
    }
    if (polled_[0].revents != 0)
      return {};
    connections_.remove_if([this](connection& x) { return !serve(x); });
    for (std::size_t i = 0; i < listeners_.size(); ++i)
      if (polled_[1 + i].revents != 0)
        take_client(listeners_[i]);
  }
}

} // namespace banger::network
