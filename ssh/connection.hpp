// One SSH connection on the I/O thread: TCP, key exchange, host key verdict, login, channels.
#pragma once

#include "ssh/channel.hpp"
#include "ssh/ssh_io.hpp"
#include "ssh/tcp_socket.hpp"

#include <libssh/libssh.h>

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

namespace banger::ssh {

/// I/O thread only.
///
/// Each connection has a libssh event of its own, and the loop polls our sockets itself. In one
/// shared ssh_event a call for one session polls all of them, and where any other session meets its
/// end in that poll, ssh_handle_packets() marks the *calling* session as broken (libssh 0.10.6,
/// session.c).
class connection {
public:
  using clock = std::chrono::steady_clock;

  /// Starts to connect. A failure shows in the first step().
  connection(connection_id id, target whom, std::shared_ptr<sink> events);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  void verdict(bool accept, failure why);
  void set_keepalive(keepalive rule);
  void add_channel(channel_id id, channel_request what, std::shared_ptr<sink> events);
  /// @returns nullptr where no such channel is left. Marks the connection for a step().
  [[nodiscard]] channel* use_channel(channel_id id);

  /// Ends it now: the last event of each channel, then its own.
  void end(const failure& why, bool terminal);
  /// As the owner asked.
  void cancel();

  /// What the loop has to poll our socket for; 0: nothing.
  [[nodiscard]] short poll_events() const;
  [[nodiscard]] int fd() const { return socket_.fd(); }
  /// The socket is ready: lets libssh read and write.
  void pump();
  [[nodiscard]] bool needs_step(clock::time_point now) const;
  void step(clock::time_point now);
  /// When step() is due without anything happening.
  [[nodiscard]] std::optional<clock::time_point> deadline() const;
  [[nodiscard]] bool has_ended() const { return phase_ == phase::ended; }

private:
  enum class phase { dialing, handshaking, parked, authenticating, ready, ended };
  struct session_free {
    void operator()(ssh_session session) const;
  };
  struct event_free {
    void operator()(ssh_event loop) const;
  };

  void finish_dialing();
  bool start_session();
  bool set_options();
  void handshake();
  void offer_host_key();
  void authenticate();
  void step_channels();
  void watch_peer(clock::time_point now);
  void send_keepalive();
  void mind_deadlines(clock::time_point now);
  void end_broken();
  [[nodiscard]] bool is_broken() const;
  void emit(event what);

  const connection_id id_;
  const target target_;
  const std::string label_; // for texts
  std::shared_ptr<sink> events_;
  tcp_socket socket_;
  phase phase_ = phase::dialing;
  std::optional<failure> dial_failure_; // dial() itself failed
  bool is_dial_done_ = false;

  ssh_counter_struct bytes_{};   // on the wire
  ssh_counter_struct packets_{}; // before encryption
  std::unique_ptr<ssh_session_struct, session_free> session_;
  std::unique_ptr<ssh_event_struct, event_free> event_;

  bool is_touched_ = true; // a command or the socket changed something since the last step
  std::uint64_t seen_in_ = 0;
  std::uint64_t seen_out_ = 0;

  clock::time_point handshake_end_;
  clock::duration parked_left_{}; // of the connect timeout
  keepalive keepalive_;
  clock::time_point last_heard_;
  std::uint64_t heard_bytes_ = 0;
  std::optional<clock::time_point> probed_; // a keepalive request is unanswered since

  std::vector<std::unique_ptr<channel>> channels_;
  std::size_t next_first_ = 0; // the channel that goes first in the next turn
  bool had_channel_ = false;
};

} // namespace banger::ssh
