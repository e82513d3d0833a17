// One SSH channel on the I/O thread: from the request to open it until both sides have closed.
#pragma once

#include "ssh/ssh_io.hpp"

#include <libssh/callbacks.h>
#include <libssh/libssh.h>

#include <array>
#include <deque>
#include <optional>
#include <vector>

namespace banger::ssh {

/// What a channel is opened for.
struct channel_request {
  enum class kind { exec, unix_socket, tcp };
  kind what = kind::exec;
  std::string text; ///< the command, the socket's path, or the host
  std::uint16_t port = 0;
  std::string first_bytes;
  std::size_t credit = 0;
};

/// I/O thread only. Everything that calls libssh is in step(): libssh's callbacks run inside any
/// call for the same session, so they only copy bytes and set flags.
class channel {
public:
  channel(connection_id connection, channel_id id, channel_request what,
          std::shared_ptr<sink> events);
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;

  void write(std::string bytes);
  void send_eof() { eof_wanted_ = true; }
  void grant(std::size_t bytes);
  void close();

  /// Does whatever can be done now without waiting.
  /// @pre `session` is authenticated and not broken.
  void step(ssh_session session);

  /// The connection is ending: forgets libssh's channel, which the session frees.
  void forget();
  /// Tells the owner that the connection has ended.
  void lose(const failure& why, bool terminal);

  [[nodiscard]] channel_id id() const { return id_; }
  [[nodiscard]] bool is_running() const { return phase_ == phase::running; }
  /// Nothing is left to do; the object may go.
  [[nodiscard]] bool is_gone() const { return !events_ && handle_ == nullptr; }

private:
  enum class phase { waiting, opening, requesting, running, closing };

  bool create(ssh_session session);
  void open(ssh_session session);
  void request_exec(ssh_session session);
  void start_running();
  void send(ssh_session session);
  void report_progress();
  void drop_queue();
  void receive();
  void take_held();
  void take_held(bool is_stderr);
  void spend_credit();
  void send_close();
  void free_handle();
  void emit(event what);
  void finish(event last);
  std::uint32_t on_data(const char* bytes, std::uint32_t size, bool is_stderr);
  void set_callbacks();

  const connection_id connection_;
  const channel_id id_;
  channel_request request_;
  std::shared_ptr<sink> events_; // empty once the last event is out
  ssh_channel handle_ = nullptr;
  ssh_channel_callbacks_struct callbacks_{};
  phase phase_ = phase::waiting;

  std::deque<std::string> queue_; // to send
  std::size_t front_sent_ = 0;    // bytes of queue_.front() already sent
  std::size_t queued_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t reported_ = 0; // value of sent_ in the last channel_writable
  bool was_backed_up_ = false;
  bool eof_wanted_ = false;
  bool eof_sent_ = false;
  bool close_sent_ = false;

  std::size_t credit_ = 0;
  std::vector<channel_data> ready_;  // paid with credit, for the next delivery
  std::deque<channel_data> pending_; // taken from libssh, not yet paid
  std::size_t front_paid_ = 0;       // bytes of pending_.front() already paid
  std::array<bool, 2> is_held_{};    // libssh keeps bytes of stdout, stderr
  bool is_muted_ = false;            // closed by the owner: throw data away
  bool remote_eof_ = false;
  bool remote_closed_ = false;
  bool eof_told_ = false;
  std::optional<channel_exit> exit_;
};

} // namespace banger::ssh
