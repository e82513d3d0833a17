#include "client/connection.hpp"

#include "host/random.hpp"
#include "host/unique_fd.hpp"
#include "host/unix_socket.hpp"
#include "protocol/version.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace banger::client {

using namespace core;

namespace {

constexpr std::size_t read_size = 256U << 10;
constexpr std::uint32_t max_payload = 16U << 20; // twice what a daemon sends at most

/// A connected socket whose other end runs as us or as root.
result<int> dial(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(ec::bad_request, "the socket path is too long", path,
                "set BANGER_SOCKET or XDG_RUNTIME_DIR to a shorter path (at most 107 bytes)");
  std::memcpy(address.sun_path, path.data(), path.size());
  host::unique_fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd)
    return fail_errno("make a socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail(ec::unreachable, "connect to the daemon at " + path, std::strerror(errno));
  auto peer = host::peer_of(fd.get());
  if (!peer)
    return fail(ec::unreachable, "connect to the daemon at " + path, peer.error().why);
  if (peer->uid != ::geteuid() && peer->uid != 0)
    return fail(ec::unsafe_path, "refuse to talk to the daemon at " + path,
                "it runs as uid " + std::to_string(peer->uid),
                "set BANGER_SOCKET to a path of your own");
  return fd.release();
}

} // namespace

result<connection> connection::open(const std::string& socket_path, milliseconds timeout) {
  auto deadline = clock::now() + timeout;
  auto fd = dial(socket_path);
  if (!fd)
    return tl::make_unexpected(fd.error());
  connection link{*fd};
  if (auto ok = link.greet(deadline); !ok)
    return tl::make_unexpected(ok.error());
  return link;
}

result<connection> connection::open_through(const std::vector<std::string>& argv,
                                            const std::string& host, milliseconds timeout) {
  auto deadline = clock::now() + timeout;
  auto started = start_carrier(argv, host);
  if (!started)
    return tl::make_unexpected(started.error());
  connection link{started->second.release()};
  link.carrier_ = std::move(started->first);
  if (auto ok = link.greet(deadline); !ok)
    return tl::make_unexpected(ok.error());
  return link;
}

result<void> connection::greet(clock::time_point deadline) {
  auto ok = shake_hands(deadline);
  return ok ? say_hello(deadline) : ok;
}

/// What broke, in the words of whoever knows.
tl::unexpected<failure> connection::gone(std::string why) const {
  if (!carrier_)
    return fail(ec::unreachable, "the daemon hung up", std::move(why),
                "'banger daemon status' tells whether it runs");
  return tl::make_unexpected(carrier_->broke(std::move(why)));
}

connection::connection(connection&& other) noexcept {
  *this = std::move(other);
}

connection& connection::operator=(connection&& other) noexcept {
  if (this == &other)
    return *this;
  close();
  fd_ = std::exchange(other.fd_, -1);
  carrier_ = std::exchange(other.carrier_, std::nullopt);
  in_ = std::move(other.in_);
  out_ = std::move(other.out_);
  received_ = std::move(other.received_);
  node_ = std::move(other.node_);
  server_ = std::move(other.server_);
  has_server_ = other.has_server_;
  session_ = other.session_;
  last_request_ = other.last_request_;
  last_sender_ = other.last_sender_;
  greeting_ = std::move(other.greeting_);
  broken_ = std::move(other.broken_);
  was_dismissed_ = other.was_dismissed_;
  return *this;
}

connection::~connection() {
  close();
}

void connection::close() {
  if (fd_ >= 0)
    ::close(fd_);
  fd_ = -1;
  if (!carrier_)
    return;
  end_carrier(*carrier_);
  carrier_.reset();
}

result<void> connection::shake_hands(clock::time_point deadline) {
  node_ = basp::make_node(host::random_bytes(24));
  while (!has_server_) {
    if (auto ok = wait_ready(deadline); !ok)
      return ok;
    if (auto ok = pump(); !ok)
      return ok;
  }
  const auto& ids = server_.app_identifiers;
  if (std::find(ids.begin(), ids.end(), app_identifier) == ids.end())
    return fail(ec::version_mismatch, "the daemon speaks another protocol",
                "it is '" + (ids.empty() ? std::string{"?"} : ids.front()) + "', this client is '" +
                    std::string{app_identifier} + "'",
                "'banger daemon stop' ends it; VMs go on running");
  if (server_.published_actor == 0)
    return gone("it is shutting down");
  out_ += basp::client_handshake_frame(node_);
  session_ = server_.published_actor;
  return {};
}

result<void> connection::say_hello(clock::time_point deadline) {
  auto left = std::chrono::duration_cast<milliseconds>(deadline - clock::now());
  auto reply = ask<welcome>(hello{protocol_version, std::string{program_version}}, left);
  if (!reply)
    return tl::make_unexpected(reply.error());
  greeting_ = std::move(*reply);
  session_ = last_sender_; // the gateway handed us to the actor that answered
  out_ += basp::monitor_frame(node_, server_.node, session_);
  return {};
}

result<void> connection::wait_ready(clock::time_point deadline) {
  for (;;) {
    auto left = std::chrono::ceil<milliseconds>(deadline - clock::now()).count();
    pollfd waiting{fd_, static_cast<short>(POLLIN | (wants_write() ? POLLOUT : 0)), 0};
    auto n = ::poll(&waiting, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30)));
    if (n > 0)
      return {};
    if (n == 0)
      return tl::make_unexpected(late());
    if (errno != EINTR)
      return fail_errno("wait for the daemon");
  }
}

failure connection::late() const {
  if (!carrier_)
    return {ec::timed_out,
            "the daemon did not answer in time",
            {},
            "'banger daemon status' tells whether it still runs"};
  return {ec::timed_out, "host '" + carrier_->host + "' did not answer in time",
          carrier_->last_words(), "docs/hosts.md"};
}

result<incoming> connection::next(clock::time_point deadline) {
  incoming message;
  while (!pop(message)) {
    if (broken_.code == ec::none)
      (void)write_some(); // a failure shows in pump(), after what is left to read
    if (auto ok = wait_ready(deadline); !ok)
      return tl::make_unexpected(ok.error());
    if (auto ok = pump(); !ok)
      return tl::make_unexpected(ok.error());
  }
  return message;
}

/// Reads also where the write failed: a peer that hangs up may have said its last word before.
result<void> connection::pump() {
  if (broken_.code == ec::none) {
    auto wrote = write_some();
    auto read = read_some();
    if (!read)
      breaks(read.error());
    else if (!wrote && !*read)
      breaks(wrote.error());
  }
  if (broken_.code == ec::none || !received_.empty())
    return {};
  return tl::make_unexpected(broken_);
}

/// What came before is still to be taken. A socket that is shut down is always readable, so that
/// no poll loop sleeps on.
void connection::breaks(failure why) {
  broken_ = std::move(why);
  ::shutdown(fd_, SHUT_RDWR);
}

bool connection::pop(incoming& message) {
  if (received_.empty())
    return false;
  message = std::move(received_.front());
  received_.pop_front();
  return true;
}

result<void> connection::write_some() {
  std::size_t sent = 0;
  while (sent < out_.size()) {
    auto n = ::send(fd_, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      sent += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      return gone(std::strerror(errno));
    }
  }
  out_.erase(0, sent);
  return {};
}

/// @returns false where there was nothing to read
result<bool> connection::read_some() {
  auto old = in_.size();
  in_.resize(old + read_size);
  auto n = ::recv(fd_, in_.data() + old, read_size, MSG_DONTWAIT);
  auto error = errno;
  in_.resize(old + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  if (n == 0)
    return gone("connection closed");
  if (n < 0 && error != EAGAIN && error != EINTR)
    return gone(std::strerror(error));
  if (auto ok = parse(); !ok)
    return tl::make_unexpected(ok.error());
  return n > 0;
}

result<void> connection::parse() {
  std::size_t at = 0;
  result<void> ok;
  while (ok && in_.size() - at >= basp::header_size) {
    auto head = basp::decode_header(std::string_view{in_}.substr(at, basp::header_size));
    if (head.payload_len > max_payload) {
      ok = fail(ec::version_mismatch, "the daemon sent a frame that is too large");
      break;
    }
    if (in_.size() - at - basp::header_size < head.payload_len)
      break;
    ok = handle_frame(head, std::string_view{in_}.substr(at + basp::header_size, head.payload_len));
    at += basp::header_size + head.payload_len;
  }
  in_.erase(0, at); // also after an error: no frame is handled twice
  return ok;
}

result<void> connection::handle_frame(const basp::header& head, std::string_view payload) {
  switch (head.op) {
    case basp::operation::server_handshake: {
      auto shake = basp::decode_server_handshake(payload);
      if (!shake)
        return tl::make_unexpected(shake.error());
      server_ = std::move(*shake);
      has_server_ = true;
      return {};
    }
    case basp::operation::direct_message: {
      if ((head.flags & basp::named_receiver_flag) != 0)
        return {}; // CAF asks every new node for its configuration; we have none
      auto message = basp::decode_message(payload);
      if (!message)
        return tl::make_unexpected(message.error());
      auto is_reply = (head.operation_data & basp::response_flag) != 0;
      last_sender_ = head.source_actor;
      received_.push_back({is_reply ? head.operation_data & basp::request_mask : 0,
                           std::string{message->types}, std::string{message->content}});
      return {};
    }
    case basp::operation::down_message:
      if (head.source_actor != session_ || session_ == server_.published_actor)
        return {};
      was_dismissed_ = true;
      return gone("the part of it that served this client has ended");
    case basp::operation::client_handshake:
    case basp::operation::routed_message:
    case basp::operation::monitor_message:
    case basp::operation::heartbeat: return {};
  }
  return fail(ec::version_mismatch, "the daemon sent a frame of an unknown kind");
}

} // namespace banger::client
