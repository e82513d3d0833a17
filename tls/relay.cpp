#include "tls/relay.hpp"

#include "tls/tcp_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

namespace banger::tls {

namespace {

constexpr short has_broken = POLLERR | POLLNVAL;

bool is_later(int error) {
  return error == EAGAIN || error == EINTR;
}

int pending_error(int socket) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

} // namespace

relay::relay(ssl_ptr ssl, host::unique_fd socket, plain_end plain, end_kind peer)
    : ssl_(std::move(ssl)), socket_(std::move(socket)), plain_(std::move(plain)), peer_(peer),
      is_socket_(!plain_.out) {}

bool relay::is_over() const {
  // What a side does not take any more need not be waited for.
  const auto is_plain_done = to_plain_.is_passed || to_plain_.is_refused;
  return is_broken() || (to_tls_.is_passed && is_plain_done);
}

bool relay::is_eager() const {
  return !is_over() && is_tls_ready_ && !to_plain_.has_ended && to_plain_.bytes.room() > 0;
}

int relay::patience() const {
  constexpr int look_ms = 1'000;
  return is_eager() ? 0 : awaits_peer_ ? look_ms : -1;
}

bool relay::read_plain() {
  auto& way = to_tls_;
  if (!is_plain_ready_ || way.has_ended || way.bytes.room() == 0)
    return false;
  auto* space = way.bytes.space();
  const auto most = way.bytes.space_size();
  const auto size = is_socket_ ? ::recv(plain_.in.get(), space, most, MSG_DONTWAIT)
                               : ::read(plain_.in.get(), space, most);
  is_plain_ready_ = size == static_cast<ssize_t>(most); // else poll(2) tells of more
  if (size < 0 && is_later(errno))
    return false;
  if (size > 0)
    way.bytes.commit(static_cast<std::size_t>(size));
  else
    way.has_ended = true;
  return true;
}

bool relay::write_plain() {
  auto& way = to_plain_;
  if (way.is_refused)
    way.bytes.clear();
  if (way.bytes.empty())
    return false;
  const auto size =
      is_socket_ ? ::send(out_fd(), way.bytes.data(), way.bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                 : ::write(out_fd(), way.bytes.data(), way.bytes.size());
  if (size < 0 && is_later(errno))
    return false;
  if (size < 0)
    way.is_refused = true;
  else
    way.bytes.consume(static_cast<std::size_t>(size));
  return true;
}

bool relay::note(int result, short& wanted) {
  const auto system = errno;
  const auto error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    wanted = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    return true;
  }
  trouble_ = explain(ssl_.get(), error, system, peer_, true);
  return false;
}

bool relay::read_tls() {
  auto& way = to_plain_;
  if (!is_tls_ready_ || way.has_ended || way.bytes.room() == 0 || is_broken())
    return false;
  ERR_clear_error();
  errno = 0;
  auto* space = way.bytes.space();
  std::size_t size = 0;
  const auto ok = SSL_read_ex(ssl_.get(), space, way.bytes.space_size(), &size);
  if (ok == 1) {
    way.bytes.commit(size);
    is_tls_ready_ = SSL_has_pending(ssl_.get()) == 1;
    return true;
  }
  is_tls_ready_ = false;
  if (SSL_get_error(ssl_.get(), ok) == SSL_ERROR_ZERO_RETURN)
    way.has_ended = true;
  else if (note(ok, read_waits_for_))
    return false;
  return true;
}

bool relay::write_tls() {
  auto& way = to_tls_;
  if (way.bytes.empty() || is_broken())
    return false;
  ERR_clear_error();
  errno = 0;
  std::size_t size = 0;
  const auto ok = SSL_write_ex(ssl_.get(), way.bytes.data(), way.bytes.size(), &size);
  if (ok == 1) {
    way.bytes.consume(size);
    write_waits_for_ = POLLOUT;
    if (!std::exchange(awaits_peer_, true))
      end_if_silent(socket_.get(), false);
    return true;
  }
  if (note(ok, write_waits_for_))
    return false;
  // Why they left may be in what they sent before.
  const auto of_write = std::exchange(trouble_, {});
  is_tls_ready_ = true;
  while (!is_broken() && !to_plain_.has_ended && to_plain_.bytes.room() > 0 && read_tls()) {
  }
  if (!trouble_.is_of_ours)
    trouble_ = of_write;
  return true;
}

void relay::pass_ends() {
  auto& out = to_plain_;
  if (out.has_ended && out.bytes.empty() && !std::exchange(out.is_passed, true)) {
    if (is_socket_)
      (void)::shutdown(plain_.in.get(), SHUT_WR);
    else
      plain_.out.reset();
  }
  auto& in = to_tls_;
  if (!in.has_ended || !in.bytes.empty() || in.is_passed || is_broken())
    return;
  ERR_clear_error();
  errno = 0;
  const auto said = SSL_shutdown(ssl_.get());
  in.is_passed = said >= 0 || !note(said, write_waits_for_);
}

void relay::push() {
  constexpr int most_rounds = 8; // others want to be served too
  for (int round = 0; round < most_rounds && !is_over(); ++round) {
    auto is_moved = read_plain();
    while (write_tls())
      is_moved = true;
    while (read_tls())
      is_moved = true;
    is_moved |= write_plain();
    pass_ends();
    if (!is_moved)
      return;
  }
}

void relay::poll_for(std::vector<pollfd>& all) {
  polled_ = all.size();
  short tls = 0;
  if (!to_plain_.has_ended && to_plain_.bytes.room() > 0)
    tls = read_waits_for_;
  if (!to_tls_.bytes.empty() || (to_tls_.has_ended && !to_tls_.is_passed))
    tls = static_cast<short>(tls | write_waits_for_);
  all.push_back({socket_.get(), tls, 0}); // also for 0: that it broke is always told
  const auto wants_in = !to_tls_.has_ended && to_tls_.bytes.room() > 0;
  const auto wants_out = !to_plain_.bytes.empty() && !to_plain_.is_refused;
  // An end that is done is reported again and again: not looked at any more.
  all.push_back({wants_in ? plain_.in.get() : -1, POLLIN, 0});
  all.push_back({wants_out ? out_fd() : -1, POLLOUT, 0});
}

/// A link that is cut with bytes under way.
void relay::watch_peer() {
  if (!awaits_peer_ || is_over())
    return;
  const auto peer = state_of_peer(socket_.get());
  if (peer == peer_state::settled) {
    awaits_peer_ = false;
    end_if_silent(socket_.get(), true);
  } else if (peer == peer_state::silent) {
    trouble_ = {std::strerror(ETIMEDOUT), false, false};
  }
}

void relay::serve(const std::vector<pollfd>& all) {
  const auto tls = all[polled_].revents, in = all[polled_ + 1].revents,
             out = all[polled_ + 2].revents;
  watch_peer();
  if ((tls | in | out) == 0 && !is_eager())
    return;
  if ((out & (has_broken | POLLHUP)) != 0)
    to_plain_.is_refused = true;
  is_plain_ready_ |= in != 0;
  is_tls_ready_ |= (tls & (read_waits_for_ | has_broken | POLLHUP)) != 0;
  push();
  if ((tls & has_broken) != 0 && !is_over()) {
    const auto error = pending_error(socket_.get());
    trouble_ = {error != 0 ? std::strerror(error) : "it broke off", false, false};
  }
}

void relay::say_goodbye() {
  if (to_tls_.is_passed || is_broken())
    return;
  ERR_clear_error();
  (void)SSL_shutdown(ssl_.get());
}

} // namespace banger::tls
