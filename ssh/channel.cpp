#include "ssh/channel.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace banger::ssh {

namespace {

// Below the 32 KiB packet of every server, so that a piece is one packet.
constexpr std::size_t max_piece = 32'000;
// Pieces of one channel per turn, so that the others get theirs.
constexpr int max_pieces_per_turn = 8;
// Progress after which the owner hears of it.
constexpr std::uint64_t report_step = 32 * 1024;

bool is_broken(ssh_session session) {
  return ssh_is_connected(session) == 0 ||
         (ssh_get_status(session) & (SSH_CLOSED | SSH_CLOSED_ERROR)) != 0;
}

void append(auto& list, const char* bytes, std::size_t size, bool is_stderr) {
  if (list.empty() || list.back().is_stderr != is_stderr)
    list.push_back({{}, is_stderr});
  list.back().bytes.append(bytes, size);
}

// The reason code of the refusal, RFC 4254 5.1. libssh keeps it in the session's last text only,
// and where two channels are refused at the same moment it is the later one's; so it only goes into
// texts.
std::string refusal_reason(ssh_session session) {
  auto text = std::string(ssh_get_error(session));
  if (text.find("error (1)") != std::string::npos)
    return "the server does not allow it";
  if (text.find("error (2)") != std::string::npos)
    return "nothing answers there";
  if (text.find("error (3)") != std::string::npos)
    return "the server does not know this kind of channel";
  if (text.find("error (4)") != std::string::npos)
    return "the server is short of resources";
  return "refused";
}

failure refusal(ssh_session session, const channel_request& what) {
  switch (what.what) {
    case channel_request::kind::exec:
      return {ec::busy, "open an ssh session", "the server has no session slot free", {}};
    case channel_request::kind::unix_socket:
      if (ssh_get_openssh_version(session) == 0)
        return {ec::failed, "connect to " + what.text, "the guest's server is not OpenSSH", {}};
      return {ec::failed, "connect to " + what.text, refusal_reason(session), {}};
    case channel_request::kind::tcp: break;
  }
  return {ec::failed,
          "connect to " + what.text + ":" + std::to_string(what.port),
          refusal_reason(session),
          {}};
}

} // namespace

channel::channel(connection_id connection, channel_id id, channel_request what,
                 std::shared_ptr<sink> events)
    : connection_(connection), id_(id), request_(std::move(what)), events_(std::move(events)),
      credit_(request_.credit) {
  if (!request_.first_bytes.empty())
    write(std::exchange(request_.first_bytes, {}));
}

void channel::write(std::string bytes) {
  if (bytes.empty() || is_muted_ || eof_wanted_ || !events_)
    return;
  queued_ += bytes.size();
  if (!queue_.empty() && queue_.back().size() + bytes.size() <= max_piece)
    queue_.back() += bytes;
  else
    queue_.push_back(std::move(bytes));
}

void channel::grant(std::size_t bytes) {
  credit_ += std::min(bytes, SIZE_MAX - credit_);
}

void channel::close() {
  is_muted_ = true;
  drop_queue();
  ready_.clear();
  pending_.clear();
  is_held_ = {};
  if (handle_ == nullptr)
    finish(channel_closed{});
}

void channel::step(ssh_session session) {
  if (!events_ && handle_ == nullptr)
    return;
  if (phase_ == phase::waiting && !create(session))
    return;
  if (phase_ == phase::opening)
    open(session);
  if (phase_ == phase::requesting)
    request_exec(session);
  if (phase_ == phase::running)
    send(session);
  if (phase_ == phase::running || phase_ == phase::closing)
    receive();
}

bool channel::create(ssh_session session) {
  handle_ = ssh_channel_new(session);
  if (handle_ == nullptr) {
    finish(channel_refused{true, {ec::failed, "open an ssh channel", "out of memory", {}}});
    return false;
  }
  set_callbacks();
  phase_ = phase::opening;
  return true;
}

void channel::open(ssh_session session) {
  int rc = SSH_ERROR;
  switch (request_.what) {
    case channel_request::kind::exec: rc = ssh_channel_open_session(handle_); break;
    case channel_request::kind::unix_socket:
      rc = ssh_channel_open_forward_unix(handle_, request_.text.c_str(), "", 0);
      break;
    case channel_request::kind::tcp:
      rc = ssh_channel_open_forward(handle_, request_.text.c_str(), request_.port, "127.0.0.1", 0);
      break;
  }
  if (rc == SSH_AGAIN || is_broken(session))
    return;
  if (rc != SSH_OK) {
    auto why = refusal(session, request_);
    // Only freed, never closed: a close would name the server's channel 0, another one of ours.
    free_handle();
    if (is_muted_)
      finish(channel_closed{});
    else
      finish(channel_refused{request_.what == channel_request::kind::exec, std::move(why)});
    return;
  }
  if (is_muted_)
    phase_ = phase::closing;
  else if (request_.what == channel_request::kind::exec)
    phase_ = phase::requesting;
  else
    start_running();
}

void channel::request_exec(ssh_session session) {
  if (is_muted_) {
    phase_ = phase::closing;
    return;
  }
  int rc = ssh_channel_request_exec(handle_, request_.text.c_str());
  if (rc == SSH_AGAIN || is_broken(session))
    return;
  if (rc == SSH_OK) {
    start_running();
    return;
  }
  finish(channel_refused{
      false, {ec::failed, "run a command in the guest", "the server refused to start it", {}}});
  is_muted_ = true;
  phase_ = phase::closing;
}

void channel::start_running() {
  phase_ = phase::running;
  request_.text.clear();
  emit(channel_opened{});
}

void channel::send(ssh_session session) {
  // libssh's own buffer has no limit: give it a piece only while the last one has left it.
  for (int i = 0; i < max_pieces_per_turn && !queue_.empty(); ++i) {
    auto window = static_cast<std::size_t>(ssh_channel_window_size(handle_));
    if (window == 0 || (ssh_get_status(session) & SSH_WRITE_PENDING) != 0)
      break;
    auto& front = queue_.front();
    auto size = std::min({window, max_piece, front.size() - front_sent_});
    int rc = ssh_channel_write(handle_, front.data() + front_sent_, static_cast<uint32_t>(size));
    if (rc < 0) { // the remote side has closed; that event is under way
      drop_queue();
      return;
    }
    if (rc == 0) // a key exchange is running
      break;
    auto done = static_cast<std::size_t>(rc);
    sent_ += done;
    queued_ -= done;
    front_sent_ += done;
    if (front_sent_ == front.size()) {
      queue_.pop_front();
      front_sent_ = 0;
    }
  }
  if (queue_.empty() && eof_wanted_ && !eof_sent_) {
    ssh_channel_send_eof(handle_); // SSH_AGAIN: it is queued in libssh
    eof_sent_ = true;
  }
  report_progress();
}

void channel::report_progress() {
  bool emptied = queue_.empty() && was_backed_up_;
  was_backed_up_ = !queue_.empty();
  if (sent_ == reported_ || (!emptied && sent_ - reported_ < report_step))
    return;
  reported_ = sent_;
  emit(channel_writable{sent_, queued_});
}

void channel::drop_queue() {
  queue_.clear();
  queued_ = 0;
  front_sent_ = 0;
}

void channel::receive() {
  // While the owner has bytes to pay for, libssh keeps the rest, and its window closes.
  spend_credit();
  if (remote_closed_ || (pending_.empty() && credit_ > 0)) {
    take_held();
    spend_credit();
  }
  for (auto& part : std::exchange(ready_, {}))
    emit(std::move(part));
  if (is_muted_ || remote_closed_)
    send_close();
  if (remote_closed_)
    free_handle(); // gives the server's slot back, even where data still waits for credit
  if (!pending_.empty() || is_held_[0] || is_held_[1])
    return;
  if (remote_eof_ && !is_muted_ && !std::exchange(eof_told_, true))
    emit(channel_eof{});
  if (exit_ && (remote_eof_ || remote_closed_) && !is_muted_)
    emit(*std::exchange(exit_, std::nullopt));
  if (remote_closed_)
    finish(channel_closed{});
}

void channel::take_held() {
  take_held(false);
  take_held(true);
}

// All of it, never a part: each ssh_channel_read opens the window again by up to 1.28 MB whatever
// is still buffered, so reading piece by piece would let a fast sender grow the buffer without end.
void channel::take_held(bool is_stderr) {
  if (!std::exchange(is_held_[is_stderr], false) || handle_ == nullptr || is_muted_)
    return;
  int size = ssh_channel_poll(handle_, is_stderr);
  if (size <= 0)
    return;
  auto bytes = std::string(static_cast<std::size_t>(size), '\0');
  int rc =
      ssh_channel_read_nonblocking(handle_, bytes.data(), static_cast<uint32_t>(size), is_stderr);
  if (rc > 0)
    append(pending_, bytes.data(), static_cast<std::size_t>(rc), is_stderr);
}

void channel::spend_credit() {
  while (!pending_.empty() && credit_ > 0) {
    auto& front = pending_.front();
    auto size = std::min(credit_, front.bytes.size() - front_paid_);
    append(ready_, front.bytes.data() + front_paid_, size, front.is_stderr);
    credit_ -= size;
    front_paid_ += size;
    if (front_paid_ == front.bytes.size()) {
      pending_.pop_front();
      front_paid_ = 0;
    }
  }
}

// SSH_AGAIN after the first call can mean that only the EOF is out; the third has nothing to do.
void channel::send_close() {
  if (handle_ == nullptr || std::exchange(close_sent_, true))
    return;
  for (int i = 0; i < 3 && ssh_channel_close(handle_) == SSH_AGAIN; ++i) {
  }
}

void channel::free_handle() {
  if (handle_ == nullptr)
    return;
  ssh_remove_channel_callbacks(handle_, &callbacks_);
  ssh_channel_free(std::exchange(handle_, nullptr));
}

void channel::forget() {
  if (handle_ != nullptr)
    ssh_remove_channel_callbacks(std::exchange(handle_, nullptr), &callbacks_);
}

void channel::lose(const failure& why, bool terminal) {
  finish(connection_lost{why, terminal});
}

void channel::emit(event what) {
  if (events_)
    events_->on_event(connection_, id_, std::move(what));
}

void channel::finish(event last) {
  if (auto to = std::exchange(events_, nullptr))
    to->on_event(connection_, id_, std::move(last));
}

std::uint32_t channel::on_data(const char* bytes, std::uint32_t size, bool is_stderr) {
  if (is_muted_)
    return size;
  auto taken = pending_.empty() ? std::min<std::size_t>(size, credit_) : 0;
  if (taken > 0)
    append(ready_, bytes, taken, is_stderr);
  credit_ -= taken;
  is_held_[is_stderr] = taken < size;
  return static_cast<std::uint32_t>(taken);
}

void channel::set_callbacks() {
  ssh_callbacks_init(&callbacks_);
  callbacks_.userdata = this;
  callbacks_.channel_data_function = [](ssh_session, ssh_channel, void* bytes, uint32_t size,
                                        int is_stderr, void* self) {
    return static_cast<int>(static_cast<channel*>(self)->on_data(static_cast<const char*>(bytes),
                                                                 size, is_stderr != 0));
  };
  callbacks_.channel_eof_function = [](ssh_session, ssh_channel, void* self) {
    static_cast<channel*>(self)->remote_eof_ = true;
  };
  callbacks_.channel_close_function = [](ssh_session, ssh_channel, void* self) {
    static_cast<channel*>(self)->remote_closed_ = true;
  };
  callbacks_.channel_exit_status_function = [](ssh_session, ssh_channel, int status, void* self) {
    static_cast<channel*>(self)->exit_ = channel_exit{status, {}};
  };
  callbacks_.channel_exit_signal_function = [](ssh_session, ssh_channel, const char* signal, int,
                                               const char*, const char*, void* self) {
    static_cast<channel*>(self)->exit_ = channel_exit{-1, signal};
  };
  ssh_set_channel_callbacks(handle_, &callbacks_);
}

} // namespace banger::ssh
