// The SSH engine: one plain thread that runs every guest's SSH connection with libssh.
// Owners post commands from any thread and get events through their sink. No libssh type shows
// here.
#pragma once

#include "protocol/errors.hpp"
#include "ssh/private_key.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>

namespace banger::ssh {

/// Names a connection or a channel. Ids start at 1 and are never used again, so a command for one
/// that has ended is safe: it does nothing. 0 means "none".
using connection_id = std::uint64_t;
using channel_id = std::uint64_t;

/// Whom to connect to, and how.
struct target {
  std::string address;     ///< numeric IPv4 or IPv6; names are not resolved (that would block)
  std::uint16_t port = 22; ///< TCP port
  std::string user = "root";
  std::shared_ptr<const private_key> key; ///< the only credential ever offered
  /// Host key algorithms in order of preference, comma separated. Empty: libssh's own order.
  std::string hostkey_algorithms;
  std::string known_name; ///< the guest's name; used in texts only
  std::string key_exchange = "curve25519-sha256,curve25519-sha256@libssh.org,"
                             "ecdh-sha2-nistp256,diffie-hellman-group16-sha512";
  std::string ciphers = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,"
                        "chacha20-poly1305@openssh.com";
  /// From open() to `connected`. The time spent waiting for the verdict does not count.
  std::chrono::milliseconds connect_timeout{10'000};
};

// Events of a connection: host_key_offered, connected, then connection_lost, always the last one.

/// The server proved that it owns this host key. The connection is parked: nothing about the user
/// is sent before verdict().
struct host_key_offered {
  std::string type; ///< "ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"
  std::string blob; ///< the raw bytes of its wire form; together they are a core::host_key
};

/// Authenticated; channels open without waiting from here on.
struct connected {};

/// The last event of a connection and of each channel that it still had.
struct connection_lost {
  failure why;
  /// True where trying again the same way cannot help: authentication refused, verdict false, no
  /// common algorithm, not an SSH server, bad target, closed by the owner. False: refused,
  /// unreachable, timed out, the peer ended or broke the connection.
  bool terminal = false;
};

// Events of a channel: channel_opened, then data, eof, exit in this order (as far as the server
// sends them; channel_writable in between), then one of channel_closed, channel_refused,
// connection_lost, always the last one.

/// The server accepted the channel; for exec: it also started the command.
struct channel_opened {};

/// The channel did not open. The connection lives on. The last event of the channel.
struct channel_refused {
  /// True where the server had no session slot free (MaxSessions): the same request can work after
  /// about 20 ms. False for a socket or port that does not answer and for a refused command.
  bool retryable = false;
  failure why;
};

/// Output. Bytes that came in together come as one event. stdout and stderr keep their order while
/// credit lasts; what had to wait for credit comes stdout first.
struct channel_data {
  std::string bytes; ///< never empty
  bool is_stderr = false;
};

/// The remote side will send no more data. Comes after all data.
struct channel_eof {};

/// How the command ended. Comes after all data, so it waits for credit as data does; and where the
/// command left a process behind that holds its output open, for that process, as ssh(1) does.
struct channel_exit {
  int status = -1;    ///< exit status; -1 where a signal ended the command
  std::string signal; ///< without "SIG", e.g. "KILL"; empty where `status` counts
};

/// Both sides closed. The last event of the channel; the server's session slot is given back.
struct channel_closed {};

/// Bytes given to write() went to the connection. Comes each 32 KiB of progress, and when a queue
/// that could not be sent at once became empty.
struct channel_writable {
  std::uint64_t sent = 0; ///< bytes sent since the channel opened, `first_bytes` included
  std::size_t queued = 0; ///< bytes taken from write() that still wait here
};

using event =
    std::variant<host_key_offered, connected, connection_lost, channel_opened, channel_refused,
                 channel_data, channel_eof, channel_exit, channel_closed, channel_writable>;

/// Where events go. Called on the I/O thread, for one connection and for one channel in order,
/// never again after the last event. It must not block, throw or call ssh_io::stop();
/// every other call of ssh_io is allowed. The engine drops its reference, on its thread, after the
/// last event.
class sink {
public:
  virtual ~sink() = default;
  /// @param channel  0 where the event is the connection's own.
  virtual void on_event(connection_id connection, channel_id channel, event what) = 0;
};

/// How to notice a peer that died without a word: after `interval` without a received byte a
/// keepalive request goes out, and after `limit` the connection is lost. An interval of 0 turns
/// both off (a paused VM). Otherwise `limit` is the greater one.
struct keepalive {
  std::chrono::milliseconds interval{5'000};
  std::chrono::milliseconds limit{16'000};
};

/// The engine. Every call but stop() only queues a command and wakes the thread: it does not block,
/// and what went wrong arrives as an event. Commands of one caller run in the order of its calls.
/// Sinks must not be null.
class ssh_io {
public:
  /// Starts the thread. Blocks all signals in it.
  ssh_io();
  /// As stop().
  ~ssh_io();
  ssh_io(const ssh_io&) = delete;
  ssh_io& operator=(const ssh_io&) = delete;

  /// Connects. Channels may be opened at once; they wait for `connected`.
  connection_id open(target whom, std::shared_ptr<sink> events);

  /// Answers host_key_offered. Where `accept` is false, `why` is the failure connection_lost
  /// carries (e.g. ec::host_key_mismatch), and no authentication was tried.
  void verdict(connection_id connection, bool accept, failure why = {});

  /// Ends a connection at once. Its channels and then itself get connection_lost, ec::cancelled.
  void close(connection_id connection);

  void set_keepalive(connection_id connection, keepalive rule);

  /// Opens a channel. Where the connection has ended, the channel gets connection_lost.
  /// Any number may be opening at the same time: together they cost one round trip (exec: two).
  /// @param initial_credit  bytes of channel_data that may come before credit() grants more.
  channel_id open_exec(connection_id connection, std::string command, std::size_t initial_credit,
                       std::shared_ptr<sink> events);

  /// Connects to a Unix socket in the guest (direct-streamlocal@openssh.com; OpenSSH PROTOCOL 2.4).
  /// Only OpenSSH servers have it, others refuse.
  /// @param first_bytes  written as soon as the channel is confirmed.
  channel_id open_unix(connection_id connection, std::string socket_path, std::string first_bytes,
                       std::size_t initial_credit, std::shared_ptr<sink> events);

  /// Connects to a TCP port as seen from the guest (direct-tcpip; RFC 4254 7.2).
  channel_id open_tcp(connection_id connection, std::string host, std::uint16_t port,
                      std::size_t initial_credit, std::shared_ptr<sink> events);

  /// Queues bytes for the channel. The queue has no limit of its own: bound what you have under way
  /// with channel_writable.
  void write(channel_id channel, std::string bytes);

  /// Ends our side after what is queued; the remote side may go on sending.
  void send_eof(channel_id channel);

  /// Allows `bytes` more of channel_data.
  void credit(channel_id channel, std::size_t bytes);

  /// Closes a channel: drops what is queued or held, delivers no more data. channel_closed follows
  /// when the server has confirmed.
  void close_channel(channel_id channel);

  /// Ends every connection (connection_lost, ec::cancelled) and joins the thread. What is opened
  /// later ends the same way at once, on the caller's thread. Safe to call again; not from a sink.
  void stop();

  /// How often the thread woke since it started; for tests of idleness.
  [[nodiscard]] std::uint64_t wake_count() const;

private:
  class engine;
  std::unique_ptr<engine> engine_;
};

} // namespace banger::ssh
