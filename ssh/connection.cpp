#include "ssh/connection.hpp"

#include "core/base64.hpp"

#include <libssh/server.h> // ssh_send_keepalive

#include <algorithm>
#include <cstring>
#include <poll.h>
#include <utility>

namespace banger::ssh {

namespace {

using namespace std::chrono_literals;

// libssh reads at most this much for one poll (MAX_BUF_SIZE in its socket.c).
constexpr std::uint64_t read_size = 4096;
// Reads of one connection per turn: events carry up to 64 KiB, the others wait for about 0.2 ms.
constexpr int max_reads_per_turn = 16;

std::string label_of(const target& whom) {
  auto place = whom.address + ":" + std::to_string(whom.port);
  return whom.known_name.empty() ? place : whom.known_name + " (" + place + ")";
}

std::string seconds_of(std::chrono::milliseconds time) {
  auto tenths = time.count() / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

} // namespace

void connection::session_free::operator()(ssh_session session) const {
  ssh_silent_disconnect(session); // closes libssh's descriptor; ssh_disconnect() would leak it
  ssh_free(session);
}

void connection::event_free::operator()(ssh_event loop) const {
  ssh_event_free(loop);
}

connection::connection(connection_id id, target whom, std::shared_ptr<sink> events)
    : id_(id), target_(std::move(whom)), label_(label_of(target_)), events_(std::move(events)),
      handshake_end_(clock::now() + target_.connect_timeout) {
  auto dialed = tcp_socket::dial(target_.address, target_.port);
  if (dialed)
    socket_ = std::move(*dialed);
  else
    dial_failure_ = dialed.error();
}

connection::~connection() = default;

void connection::verdict(bool accept, failure why) {
  if (phase_ != phase::parked)
    return;
  if (!accept) {
    end(why, true);
    return;
  }
  phase_ = phase::authenticating;
  handshake_end_ = clock::now() + parked_left_;
  is_touched_ = true;
}

void connection::set_keepalive(keepalive rule) {
  keepalive_ = rule;
  last_heard_ = clock::now();
  probed_.reset();
  is_touched_ = true;
  if (phase_ == phase::ready)
    socket_.set_user_timeout(rule.interval > 0ms ? rule.limit : 0ms);
}

void connection::add_channel(channel_id id, channel_request what, std::shared_ptr<sink> events) {
  channels_.push_back(std::make_unique<channel>(id_, id, std::move(what), std::move(events)));
  is_touched_ = true;
}

channel* connection::use_channel(channel_id id) {
  auto found = std::find_if(channels_.begin(), channels_.end(),
                            [id](const auto& candidate) { return candidate->id() == id; });
  if (found == channels_.end())
    return nullptr;
  is_touched_ = true;
  return found->get();
}

void connection::end(const failure& why, bool terminal) {
  if (phase_ == phase::ended)
    return;
  phase_ = phase::ended;
  for (auto& each : channels_)
    each->forget();
  if (session_ && event_)
    ssh_event_remove_session(event_.get(), session_.get());
  session_.reset();
  event_.reset();
  socket_.close();
  for (auto& each : std::exchange(channels_, {}))
    each->lose(why, terminal);
  emit(connection_lost{why, terminal});
  events_.reset();
}

void connection::cancel() {
  end({ec::cancelled, "ssh to " + label_, "the connection was closed", {}}, true);
}

short connection::poll_events() const {
  if (socket_.fd() < 0)
    return 0;
  if (!session_)
    return POLLOUT;
  bool has_output = (ssh_get_poll_flags(session_.get()) & SSH_WRITE_PENDING) != 0;
  return static_cast<short>(has_output ? POLLIN | POLLOUT : POLLIN);
}

void connection::pump() {
  is_touched_ = true;
  if (!session_) {
    is_dial_done_ = true;
    return;
  }
  for (int i = 0; i < max_reads_per_turn; ++i) {
    auto before = bytes_.in_bytes;
    ssh_event_dopoll(event_.get(), 0); // its result says nothing about this session
    if (bytes_.in_bytes - before < read_size || is_broken())
      return;
  }
}

bool connection::needs_step(clock::time_point now) const {
  // Bytes that moved inside libssh calls of the last step may have changed a channel that had its
  // turn.
  if (is_touched_ || bytes_.in_bytes != seen_in_ || bytes_.out_bytes != seen_out_)
    return true;
  auto due = deadline();
  return due && *due <= now;
}

void connection::step(clock::time_point now) {
  is_touched_ = false;
  seen_in_ = bytes_.in_bytes;
  seen_out_ = bytes_.out_bytes;
  if (phase_ == phase::dialing)
    finish_dialing();
  if (phase_ == phase::handshaking)
    handshake();
  if (phase_ == phase::authenticating)
    authenticate();
  if (phase_ == phase::ready)
    step_channels();
  if (session_ && !had_channel_)
    socket_.acknowledge_now();
  if (session_ && is_broken())
    end_broken();
  if (phase_ != phase::ended)
    mind_deadlines(now);
}

std::optional<connection::clock::time_point> connection::deadline() const {
  if (phase_ == phase::dialing || phase_ == phase::handshaking || phase_ == phase::authenticating)
    return handshake_end_;
  if (phase_ != phase::ready || keepalive_.interval <= 0ms)
    return std::nullopt;
  if (probed_)
    return *probed_ + std::max(keepalive_.limit - keepalive_.interval, 0ms);
  return last_heard_ + keepalive_.interval;
}

void connection::finish_dialing() {
  if (dial_failure_) {
    auto why = *dial_failure_;
    why.what = "ssh to " + label_;
    end(why, why.code == ec::bad_request);
    return;
  }
  if (!is_dial_done_)
    return;
  if (int error = socket_.finish_connect(); error != 0) {
    end({ec::link_lost, "ssh to " + label_, std::generic_category().message(error), {}}, false);
    return;
  }
  if (!start_session())
    end({ec::failed, "ssh to " + label_, "the ssh library did not accept the settings", {}}, true);
}

bool connection::start_session() {
  if (!target_.key)
    return false;
  session_.reset(ssh_new());
  event_.reset(ssh_event_new());
  if (!session_ || !event_ || !set_options())
    return false;
  ssh_set_blocking(session_.get(), 0);
  ssh_set_counters(session_.get(), &bytes_, &packets_);
  int rc = ssh_connect(session_.get()); // makes the poll context that the event takes over
  if (rc == SSH_ERROR || ssh_event_add_session(event_.get(), session_.get()) != SSH_OK)
    return false;
  phase_ = phase::handshaking;
  return true;
}

bool connection::set_options() {
  auto set = [this](ssh_options_e option, const void* value) {
    return ssh_options_set(session_.get(), option, value) == 0;
  };
  int no = 0;
  auto compression = "none";
  auto nowhere = "/dev/null";
  const auto& name = target_.known_name.empty() ? target_.address : target_.known_name;
  // Without PROCESS_CONFIG=0 the user's ~/.ssh/config, ProxyCommand included, would be applied.
  bool is_set = set(SSH_OPTIONS_PROCESS_CONFIG, &no) && set(SSH_OPTIONS_HOST, name.c_str()) &&
                set(SSH_OPTIONS_USER, target_.user.c_str()) &&
                set(SSH_OPTIONS_KNOWNHOSTS, nowhere) &&
                set(SSH_OPTIONS_GLOBAL_KNOWNHOSTS, nowhere) &&
                set(SSH_OPTIONS_KEY_EXCHANGE, target_.key_exchange.c_str()) &&
                set(SSH_OPTIONS_CIPHERS_C_S, target_.ciphers.c_str()) &&
                set(SSH_OPTIONS_CIPHERS_S_C, target_.ciphers.c_str()) &&
                set(SSH_OPTIONS_COMPRESSION, compression);
  if (is_set && !target_.hostkey_algorithms.empty())
    is_set = set(SSH_OPTIONS_HOSTKEYS, target_.hostkey_algorithms.c_str());
  if (!is_set)
    return false;
  int copy = socket_.duplicate();
  return copy >= 0 && set(SSH_OPTIONS_FD, &copy);
}

void connection::handshake() {
  int rc = ssh_connect(session_.get());
  socket_.restore_nonblocking();
  if (rc == SSH_AGAIN || is_broken())
    return;
  if (rc == SSH_OK)
    offer_host_key();
  else
    end_broken();
}

void connection::offer_host_key() {
  ssh_key key = nullptr;
  char* text = nullptr;
  auto offered = host_key_offered{};
  if (ssh_get_server_publickey(session_.get(), &key) == SSH_OK &&
      ssh_pki_export_pubkey_base64(key, &text) == SSH_OK) {
    offered.type = ssh_key_type_to_char(ssh_key_type(key));
    offered.blob = core::base64_decode(text).value_or("");
  }
  ssh_string_free_char(text);
  ssh_key_free(key);
  if (offered.blob.empty()) {
    end({ec::failed, "ssh to " + label_, "the host key cannot be read", {}}, true);
    return;
  }
  phase_ = phase::parked;
  parked_left_ = std::max<clock::duration>(handshake_end_ - clock::now(), 1s);
  emit(std::move(offered));
}

void connection::authenticate() {
  int rc = ssh_userauth_publickey(session_.get(), nullptr, target_.key->handle());
  if (rc == SSH_AUTH_AGAIN || is_broken())
    return;
  if (rc != SSH_AUTH_SUCCESS) {
    end({ec::failed,
         "ssh to " + label_,
         "the guest refused our key for user '" + target_.user + "'",
         {}},
        true);
    return;
  }
  phase_ = phase::ready;
  set_keepalive(keepalive_);
  emit(connected{});
}

void connection::step_channels() {
  auto count = channels_.size();
  for (std::size_t i = 0; i < count && !is_broken(); ++i) {
    auto& each = *channels_[(next_first_ + i) % count];
    each.step(session_.get());
    had_channel_ = had_channel_ || each.is_running();
  }
  std::erase_if(channels_, [](const auto& each) { return each->is_gone(); });
  next_first_ = channels_.empty() ? 0 : (next_first_ + 1) % channels_.size();
}

void connection::mind_deadlines(clock::time_point now) {
  if (phase_ == phase::ready) {
    watch_peer(now);
    return;
  }
  if (auto due = deadline(); due && *due <= now)
    end({ec::timed_out,
         "ssh to " + label_,
         "no ssh login within " + seconds_of(target_.connect_timeout),
         {}},
        false);
}

void connection::watch_peer(clock::time_point now) {
  if (bytes_.in_bytes != heard_bytes_) {
    heard_bytes_ = bytes_.in_bytes;
    last_heard_ = now;
    probed_.reset();
  }
  auto due = deadline();
  if (!due || *due > now)
    return;
  // The limit counts from a request that was sent: after this process itself was stopped for a
  // while the peer gets its chance to answer.
  if (probed_) {
    end({ec::link_lost, "ssh to " + label_, "no answer for " + seconds_of(keepalive_.limit), {}},
        false);
    return;
  }
  send_keepalive();
  probed_ = now;
}

void connection::send_keepalive() {
  // One call either sends a request or collects the answer to the last one; the packet count tells
  // which. Its result does not.
  auto before = packets_.out_packets;
  ssh_send_keepalive(session_.get());
  if (packets_.out_packets == before)
    ssh_send_keepalive(session_.get());
}

void connection::end_broken() {
  auto what = "ssh to " + label_;
  if (phase_ == phase::ready) {
    end({ec::link_lost, what, "the connection broke", {}}, false);
    return;
  }
  // libssh's texts are stable enough to tell the stream's end from a protocol failure, not to be
  // shown as the reason: the errno text in them is often stale.
  auto text = std::string(ssh_get_error(session_.get()));
  bool was_told = text.starts_with("Received SSH_MSG_DISCONNECT");
  bool has_ended = text.empty() || text.starts_with("Socket error");
  if (phase_ == phase::authenticating && was_told) {
    end({ec::failed, what, "the guest refused the login: " + text, {}}, true);
  } else if (has_ended || was_told) {
    end({ec::link_lost, what, "the guest closed the connection before the login was done", {}},
        false);
  } else {
    end({ec::failed, what, "the ssh handshake failed: " + text, {}}, true);
  }
}

bool connection::is_broken() const {
  return ssh_is_connected(session_.get()) == 0 ||
         (ssh_get_status(session_.get()) & (SSH_CLOSED | SSH_CLOSED_ERROR)) != 0;
}

void connection::emit(event what) {
  if (events_)
    events_->on_event(id_, 0, std::move(what));
}

} // namespace banger::ssh
