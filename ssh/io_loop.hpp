// The I/O thread's loop: takes commands, steps connections, sleeps in poll(2).
#pragma once

#include "ssh/connection.hpp"
#include "ssh/ssh_io.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <variant>
#include <vector>

struct pollfd;

namespace banger::ssh {

struct open_connection {
  connection_id id;
  target whom;
  std::shared_ptr<sink> events;
};
struct give_verdict {
  connection_id id;
  bool accept;
  failure why;
};
struct close_connection {
  connection_id id;
};
struct change_keepalive {
  connection_id id;
  keepalive rule;
};
struct open_channel {
  channel_id id;
  channel_request what;
  std::shared_ptr<sink> events;
};
struct write_channel {
  channel_id id;
  std::string bytes;
};
struct end_channel_input {
  channel_id id;
};
struct grant_credit {
  channel_id id;
  std::size_t bytes;
};
struct close_one_channel {
  channel_id id;
};

using io_command =
    std::variant<open_connection, give_verdict, close_connection, change_keepalive, open_channel,
                 write_channel, end_channel_input, grant_credit, close_one_channel>;

/// The upper half of a channel's id is its connection, so no table has to be kept.
[[nodiscard]] constexpr connection_id connection_of(channel_id id) {
  return id >> 32;
}

/// post() and request_stop() are thread-safe; run() belongs to the one I/O thread.
class io_loop {
public:
  io_loop();
  ~io_loop();
  io_loop(const io_loop&) = delete;
  io_loop& operator=(const io_loop&) = delete;

  /// Queues a command and wakes the loop; after request_stop() it refuses an open at once, on this
  /// thread, and drops everything else.
  void post(io_command what);
  void request_stop();
  /// Until request_stop(); then ends every connection.
  void run();

  [[nodiscard]] std::uint64_t wake_count() const { return wakes_.load(std::memory_order_relaxed); }

private:
  void wake() const;
  /// Moves the queued commands out. @returns false once a stop was requested.
  bool take(std::vector<io_command>& into);
  void step_connections();
  void sleep();
  [[nodiscard]] int sleep_ms() const;
  void end_all();

  void run_command(open_connection what);
  void run_command(give_verdict what);
  void run_command(close_connection what);
  void run_command(change_keepalive what);
  void run_command(open_channel what);
  void run_command(write_channel what);
  void run_command(end_channel_input what);
  void run_command(grant_credit what);
  void run_command(close_one_channel what);
  [[nodiscard]] connection* find(connection_id id);
  [[nodiscard]] channel* find_channel(channel_id id);

  int wake_fd_ = -1; // eventfd
  std::atomic<std::uint64_t> wakes_{0};
  std::mutex mutex_; // guards the next two
  std::vector<io_command> queue_;
  bool is_stopping_ = false;

  std::map<connection_id, std::unique_ptr<connection>> connections_;
  std::vector<pollfd> polled_; // [0] is wake_fd_
  std::vector<connection*> polled_connections_;
};

} // namespace banger::ssh
