#include "tls/listener.hpp"

#include "core/forward_spec.hpp"
#include "host/tcp_listener.hpp"
#include "host/unix_socket.hpp"
#include "tls/tcp_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <map>
#include <openssl/err.h>

namespace banger::tls {

namespace {

constexpr std::size_t most_visitors = 128, most_guests = 256;
constexpr std::int64_t handshake_ms = 5'000, leaving_ms = 1'000, busy_ms = 10, pause_ms = 200;
constexpr int most_accepts = 64; ///< at once; then the others are served

std::string quoted_name(X509* cert) {
  const auto name = common_name(cert);
  return name.empty() ? std::string{} : " '" + name + "'";
}

/// Errors: unreachable; busy: again in a moment.
result<host::unique_fd> dial(const std::string& path) {
  auto fd = host::connect_unix(path);
  if (!fd)
    return fail(errno == EAGAIN ? ec::busy : ec::unreachable, "reach the daemon", fd.error().why);
  const auto peer = host::peer_of(fd->get());
  if (!peer || peer->uid != ::geteuid())
    return fail(ec::unreachable, "reach the daemon", "its socket is another user's");
  return fd;
}

} // namespace

listener::listener(listen_options how, credentials by)
    : how_(std::move(how)), by_(std::move(by)), watch_(how_.folder) {}

result<listener> listener::open(const listen_options& how) {
  auto by = load_credentials(how.folder, end_kind::server);
  if (!by)
    return tl::make_unexpected(by.error());
  auto made = host::listen_tcp(how.where.host, how.where.port);
  if (!made) {
    auto why = made.error();
    why.hint = why.code == ec::already_exists ? "choose another port, or end that program" : "";
    return tl::make_unexpected(why);
  }
  listener x{how, std::move(*by)};
  x.socket_ = std::move(made->sockets.front());
  x.place_ = core::endpoint_text(how.where.host, made->port);
  if (!x.by_.warning.empty())
    x.log_.say(x.by_.warning, steady_ms());
  return x;
}

// -- those who come

void listener::accept_all(std::int64_t now) {
  for (int i = 0; i < most_accepts; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    host::unique_fd socket{::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&from), &size,
                                     SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (socket) {
      const auto peer = address_of(from);
      take(std::move(socket), peer.address, peer.port, now);
    } else if (errno == EAGAIN) {
      return;
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      log_.say(std::string{"nobody can come in for a moment: "} + std::strerror(errno), now);
      paused_until_ms_ = now + pause_ms; // asked again at once it would say so for ever
      return;
    } // else of one who has left already
  }
}

void listener::take(host::unique_fd socket, const std::string& address, std::uint16_t port,
                    std::int64_t now) {
  visitor x;
  x.name = core::endpoint_text(address, port);
  x.address = address;
  if (guests_.size() >= most_guests) {
    strangers_.say("refused " + x.name + ": 256 connections are open already", now);
    return;
  }
  if (watch_.has_changed())
    read_certificates(now);
  if (visitors_.size() >= most_visitors)
    make_room(now);
  prepare_socket(socket.get());
  x.ssl.reset(SSL_new(by_.context.get()));
  if (!x.ssl || SSL_set_fd(x.ssl.get(), socket.get()) != 1) {
    strangers_.say("refused " + x.name + ": " + take_error(), now);
    return;
  }
  SSL_set_accept_state(x.ssl.get());
  x.socket = std::move(socket);
  x.until_ms = now + handshake_ms;
  visitors_.push_back(std::move(x));
  keep_refused_in(visitors_.back().ssl.get(), &visitors_.back().refused);
}

/// The oldest one goes of the address that has most of them, so that nobody alone keeps others out.
void listener::make_room(std::int64_t now) {
  std::map<std::string, std::size_t> count;
  for (const auto& x : visitors_)
    ++count[x.address];
  const auto most = std::max_element(
      count.begin(), count.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  const auto oldest = std::find_if(visitors_.begin(), visitors_.end(),
                                   [&](const auto& x) { return x.address == most->first; });
  if (oldest->at != visitor::stage::leaving)
    strangers_.say("refused " + oldest->name + ": no handshake yet, and too many want one", now);
  visitors_.erase(oldest);
}

// -- until they are in, or gone

/// Keeps the socket until they have read why: closed with bytes unread it would be reset.
bool listener::send_away(visitor& x, const std::string& why, std::int64_t now) {
  strangers_.say("refused " + x.name + quoted_name(x.refused.get()) + ": " + why, now);
  (void)::shutdown(x.socket.get(), SHUT_WR);
  x.ssl.reset();
  x.at = visitor::stage::leaving;
  x.waits_for = POLLIN;
  x.until_ms = now + leaving_ms;
  return discard_input(x.socket.get());
}

bool listener::shake_hands(visitor& x, std::int64_t now) {
  ERR_clear_error();
  errno = 0;
  const auto done = SSL_do_handshake(x.ssl.get());
  if (done == 1)
    return let_in(x, now);
  const auto system = errno;
  const auto error = SSL_get_error(x.ssl.get(), done);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    x.waits_for = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    return true;
  }
  return send_away(x, explain(x.ssl.get(), error, system, end_kind::client, false).why, now);
}

bool listener::let_in(visitor& x, std::int64_t now) {
  auto* cert = SSL_get0_peer_certificate(x.ssl.get());
  if (guests_.size() >= most_guests)
    return send_away(x, "256 connections are open already", now);
  // The list may have changed while hands were shaken.
  if (const auto why = look_again(by_, cert, end_kind::client); !why.empty())
    return send_away(x, why, now);
  auto daemon = dial(how_.socket);
  if (!daemon && daemon.error().code == ec::busy && now < x.until_ms) {
    x.at = visitor::stage::dialing;
    return true;
  }
  if (!daemon)
    return send_away(x, to_string(daemon.error()), now);
  keep_refused_in(x.ssl.get(), nullptr);
  log_.say("serves " + x.name + quoted_name(cert), now);
  guests_.push_back({x.name, relay{std::move(x.ssl), std::move(x.socket),
                                   plain_end{std::move(*daemon), {}}, end_kind::client}});
  guests_.back().bytes.push(); // their first bytes may have come with the handshake
  return false;
}

bool listener::serve(visitor& x, std::int64_t now) {
  // Of one who came after the call of poll(2) nothing is known yet.
  const auto is_ready = x.polled < polled_.size() && polled_[x.polled].revents != 0;
  if (x.at == visitor::stage::leaving)
    return now < x.until_ms && (!is_ready || discard_input(x.socket.get()));
  if (x.at == visitor::stage::dialing)
    return let_in(x, now);
  if (now >= x.until_ms) // also for one that sends a byte now and then
    return send_away(x, "no handshake within 5 s", now);
  return !is_ready || shake_hands(x, now);
}

// -- those who are in

void listener::serve_guests(std::int64_t now) {
  for (auto x = guests_.begin(); x != guests_.end();) {
    x->bytes.serve(polled_);
    if (!x->bytes.is_over()) {
      ++x;
      continue;
    }
    if (x->bytes.is_broken())
      log_.say("lost " + x->name + ": " + x->bytes.trouble().why, now);
    visitor last;
    last.name = x->name;
    last.at = visitor::stage::leaving;
    last.until_ms = now + leaving_ms;
    last.socket = x->bytes.take_socket();
    const auto is_broken = x->bytes.is_broken();
    x = guests_.erase(x);
    (void)::shutdown(last.socket.get(), SHUT_WR);
    if (!is_broken && visitors_.size() < most_visitors && discard_input(last.socket.get()))
      visitors_.push_back(std::move(last));
  }
}

/// What cannot be used leaves what was there before: a copy may be under way.
void listener::read_certificates(std::int64_t now) {
  auto fresh = load_credentials(how_.folder, end_kind::server);
  if (!fresh) {
    log_.say(to_string(fresh.error()) + "; the certificates before it stay in use", now);
    return;
  }
  by_ = std::move(*fresh);
  log_.say("read the certificates anew", now);
  if (!by_.warning.empty())
    log_.say(by_.warning, now);
  for (auto x = guests_.begin(); x != guests_.end();) {
    const auto why = look_again(by_, x->bytes.peer_certificate(), end_kind::client);
    if (!why.empty())
      log_.say("ended " + x->name + quoted_name(x->bytes.peer_certificate()) + ": " + why, now);
    x = why.empty() ? std::next(x) : guests_.erase(x);
  }
}

// -- the loop

void listener::poll_for_all(const std::vector<int>& ends) {
  polled_.clear();
  for (auto fd : ends)
    polled_.push_back({fd, POLLIN, 0});
  polled_.push_back({paused_until_ms_ == 0 ? socket_.get() : -1, POLLIN, 0});
  polled_.push_back({watch_.fd(), POLLIN, 0});
  for (auto& x : visitors_) {
    x.polled = polled_.size();
    polled_.push_back({x.at == visitor::stage::dialing ? -1 : x.socket.get(), x.waits_for, 0});
  }
  for (auto& x : guests_)
    x.bytes.poll_for(polled_);
}

/// How long poll(2) may wait, in milliseconds; -1: for ever.
int listener::patience(std::int64_t now) const {
  std::int64_t until = INT64_MAX;
  const auto at_most = [&until](std::int64_t at) { until = std::min(until, at); };
  for (const auto& x : guests_)
    if (const auto most = x.bytes.patience(); most >= 0)
      at_most(now + most);
  for (const auto& x : visitors_)
    at_most(x.at == visitor::stage::dialing ? now + busy_ms : x.until_ms);
  if (paused_until_ms_ != 0)
    at_most(paused_until_ms_);
  for (const auto* log : {&log_, &strangers_})
    if (log->due_ms() >= 0)
      at_most(log->due_ms());
  return until == INT64_MAX ? -1 : static_cast<int>(std::max<std::int64_t>(until - now, 0));
}

result<void> listener::run(const std::vector<int>& ends) {
  for (;;) {
    poll_for_all(ends);
    if (::poll(polled_.data(), polled_.size(), patience(steady_ms())) < 0 && errno != EINTR)
      return fail_errno("poll");
    const auto now = steady_ms();
    for (std::size_t i = 0; i < ends.size(); ++i)
      if (polled_[i].revents != 0) {
        for (auto& x : guests_)
          x.bytes.say_goodbye();
        return {};
      }
    log_.settle(now);
    strangers_.settle(now);
    if (polled_[ends.size() + 1].revents != 0 && watch_.has_changed())
      read_certificates(now); // which may end guests: so before these
    serve_guests(now);
    visitors_.remove_if([this, now](visitor& x) { return !serve(x, now); });
    if (now >= paused_until_ms_)
      paused_until_ms_ = 0;
    if (polled_[ends.size()].revents != 0)
      accept_all(now);
  }
}

} // namespace banger::tls
