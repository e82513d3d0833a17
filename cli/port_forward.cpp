#include "cli/port_forward.hpp"

#include "cli/json.hpp"
#include "cli/render.hpp"
#include "core/exit_code.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

namespace banger::cli {

namespace {

constexpr std::size_t most_found = 256; // ports that are forwarded because the guest named them
constexpr std::size_t most_at_once = 64U << 10;

std::uint16_t port_in(const port_frame& frame) {
  return static_cast<std::uint16_t>(frame.payload[0] << 8 | frame.payload[1]);
}

/// At the guest's number where that is free here, else at a free one.
result<host::tcp_listener> listen_near(std::uint16_t guest_port) {
  auto same = host::listen_loopback(guest_port);
  return same ? std::move(same) : host::listen_loopback(0);
}

} // namespace

std::optional<std::uint64_t> line_limit::pass(clock::time_point now) {
  constexpr std::chrono::seconds pause{1};
  if (now < next_) {
    ++held_;
    return std::nullopt;
  }
  next_ = now + pause;
  return std::exchange(held_, 0);
}

port_forward::port_forward(session& talk, guest_command command, std::string name,
                           std::vector<forwarded_port> ports)
    : talk_(talk), command_(std::move(command)), name_(std::move(name)), ports_(std::move(ports)) {
  forward_calls calls{};
  calls.owner = this;
  calls.refused = [](void* self, std::uint16_t port, int error) {
    static_cast<port_forward*>(self)->refused(port, error);
  };
  calls.take = [](void* self, const port_frame* frame) {
    return static_cast<port_forward*>(self)->take(*frame);
  };
  mux_.reset(forward_new(calls));
}

result<void> port_forward::run() {
  if (!mux_)
    return fail(ec::failed, "forward ports", "memory is short");
  if (auto ok = take_guest(); !ok) // came with the answer that it runs
    return ok;
  while (!is_leaving_)
    if (auto ok = wait(); !ok)
      return ok;
  return {};
}

result<void> port_forward::wait() {
  std::vector<pollfd> fds(FORWARD_STREAMS_MAX);
  const auto streams = forward_poll(mux_.get(), fds.data());
  send_guest();
  auto& link = talk_.link();
  fds.resize(static_cast<std::size_t>(streams));
  fds.push_back({link.fd(), static_cast<short>(POLLIN | (link.wants_write() ? POLLOUT : 0)), 0});
  fds.push_back({talk_.signals().fd(), POLLIN, 0});
  const auto accepts =
      is_ready_ && forward_has_place(mux_.get()) && forward_count(mux_.get()) < least_connections_;
  for (const auto& port : ports_)
    for (const auto& socket : port.listener.sockets)
      fds.push_back({accepts ? socket.get() : -1, POLLIN, 0});
  if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR)
    return fail_errno("wait");
  forward_work(mux_.get(), fds.data(), streams);
  is_leaving_ = talk_.signals().take() != 0;
  auto at = static_cast<std::size_t>(streams) + 2;
  for (const auto& port : ports_)
    for (std::size_t i = 0; i < port.listener.sockets.size(); ++i, ++at)
      if (fds[at].revents != 0)
        accept_from(port, fds[at].fd);
  if (auto ok = link.pump(); !ok)
    return ok;
  return take_guest();
}

/// What the guest's end wrote. Ports may come and go by it.
result<void> port_forward::take_guest() {
  command_.take_messages(talk_.link());
  const auto& output = command_.output();
  if (!forward_feed(mux_.get(), output.data(), output.size()))
    return fail(ec::version_mismatch, "forward ports of vm '" + name_ + "'",
                "the guest's agent speaks another protocol",
                "build the image again: banger image build");
  command_.take_output();
  return command_.is_over() ? tl::make_unexpected(ended()) : result<void>{};
}

failure port_forward::ended() const {
  const auto& end = command_.problem();
  failure why{ec::link_lost, "forward ports of vm '" + name_ + "'", end.why, {}};
  if (end.code == ec::none)
    why.why = "banger-agent ended in the guest" +
              (command_.errors().empty() ? std::string{} : ": " + command_.errors());
  if (!is_ready_ && end.code == ec::none) { // it did not know what we want of it
    why.code = ec::version_mismatch;
    why.why = "the guest's agent cannot forward ports";
    why.hint = "build the image again, and make a new VM: banger image build";
  }
  return why;
}

void port_forward::send_guest() {
  for (;;) {
    const unsigned char* bytes = nullptr;
    const auto size =
        std::min({forward_output(mux_.get(), &bytes), command_.input_room(), most_at_once});
    if (size == 0)
      return;
    command_.write(std::string{reinterpret_cast<const char*>(bytes), size});
    forward_sent(mux_.get(), size);
  }
}

void port_forward::accept_from(const forwarded_port& from, int socket) {
  while (forward_has_place(mux_.get())) {
    const auto fd = ::accept4(socket, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    // Out of descriptors: when a connection ends there is one again.
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
      least_connections_ = std::max(forward_count(mux_.get()), 1);
    if (fd < 0)
      return;
    forward_open(mux_.get(), fd, from.guest_port);
  }
}

bool port_forward::take(const port_frame& frame) {
  const unsigned char* nonce = nullptr;
  if (frame.type == port_ready) {
    is_ready_ = port_take_nonce(&frame, &nonce);
    if (is_ready_)
      for (const auto& port : ports_)
        tell("forwarding", port, {});
    return is_ready_;
  }
  if (frame.size < 2 || port_in(frame) == 0)
    return false;
  if (frame.type == port_listening)
    found(port_in(frame), {reinterpret_cast<const char*>(frame.payload) + 2, frame.size - 2});
  else if (frame.type == port_gone)
    gone(port_in(frame));
  return frame.type == port_listening || frame.type == port_gone;
}

void port_forward::found(std::uint16_t guest_port, const std::string& process) {
  const auto is_known = std::any_of(ports_.begin(), ports_.end(), [&](const auto& port) {
    return port.guest_port == guest_port;
  });
  if (is_known || core::is_system_port(guest_port))
    return;
  const auto count =
      std::count_if(ports_.begin(), ports_.end(), [](const auto& port) { return port.is_found; });
  auto listener = static_cast<std::size_t>(count) < most_found
                      ? listen_near(guest_port)
                      : fail(ec::failed, "forward port " + std::to_string(guest_port),
                             std::to_string(most_found) + " ports are forwarded already");
  if (!listener) {
    report(listener.error(), talk_.how());
    return;
  }
  ports_.push_back({std::move(*listener), guest_port, true});
  tell("forwarding", ports_.back(), process);
}

/// Connections that stand go on.
void port_forward::gone(std::uint16_t guest_port) {
  auto at = std::find_if(ports_.begin(), ports_.end(), [&](const auto& port) {
    return port.is_found && port.guest_port == guest_port;
  });
  if (at == ports_.end())
    return;
  tell("closed", *at, {});
  ports_.erase(at);
}

void port_forward::refused(std::uint16_t guest_port, int error) {
  auto held = refusals_[guest_port].pass(line_limit::clock::now());
  if (!held)
    return;
  if (talk_.how().is_json) {
    print(refused_json(name_, guest_port, std::strerror(error), *held));
    return;
  }
  auto more = *held > 0 ? ", and " + std::to_string(*held) + " times before" : std::string{};
  print_error("banger: connect to " + name_ + ":" + std::to_string(guest_port) + ": " +
              std::strerror(error) + more + "\n");
}

void port_forward::tell(const char* type, const forwarded_port& port, const std::string& process) {
  const auto& from = port.listener;
  if (talk_.how().is_json) {
    print(forward_json(type, from.address, from.port, name_, port.guest_port, process));
    return;
  }
  print(std::string{type} + " " + core::endpoint_text(from.address, from.port) + " -> " + name_ +
        ":" + std::to_string(port.guest_port) +
        (process.empty() ? "" : " (" + printable(process) + ")") + "\n");
}

} // namespace banger::cli
