// One data port on the I/O thread.
#pragma once

#include "guest/port_frames.h"
#include "port/port_io.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace banger::port {

/// I/O thread only.
class port_link {
public:
  using clock = std::chrono::steady_clock;

  port_link(connection_id id, host::unique_fd socket, std::chrono::milliseconds patience,
            std::shared_ptr<ssh::sink> events);

  void open(channel_id id, std::string first_bytes, std::shared_ptr<ssh::sink> events);
  void write(channel_id id, std::string bytes);
  void send_eof(channel_id id);
  void took(channel_id id, std::size_t bytes);
  void close(channel_id id);

  /// The last event of each stream, and then its own.
  void end(const std::string& why, bool terminal);
  [[nodiscard]] bool has_ended() const { return !events_; }

  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] bool wants_write() const { return sent_ < out_.size(); }
  /// When step() is due without anything happening.
  [[nodiscard]] std::optional<clock::time_point> deadline() const;
  /// Moves what can be moved now.
  void step(clock::time_point now);

private:
  struct stream {
    channel_id id = 0;
    std::shared_ptr<ssh::sink> events;
    std::string queue; ///< waits for credit
    std::size_t queue_sent = 0;
    bool is_ending = false; ///< nothing follows the queue
    std::uint64_t sent = 0; ///< bytes, of the owner's
    std::size_t credit = PORT_WINDOW;
    std::size_t unpaid = 0; ///< bytes that were taken and not yet paid for
  };

  void send_reset(clock::time_point now);
  void put(std::uint8_t type, std::uint32_t number, std::string_view payload);
  void pump(std::uint32_t number, stream& x);
  void read();
  void parse();
  void take(const port_frame& frame);
  void flush();
  void emit(ssh::event what);

  const connection_id id_;
  host::unique_fd socket_;
  std::shared_ptr<ssh::sink> events_; ///< empty once the last event is out
  std::string nonce_;
  bool is_ready_ = false;
  clock::time_point until_;      ///< the guest may take so long to answer
  clock::time_point next_reset_; ///< it is asked again then
  clock::duration reset_pause_{};
  std::unique_ptr<char[]> buffer_; ///< what is read, before it is known how much that is
  std::string in_;
  std::string out_;
  std::size_t sent_ = 0; ///< of out_
  std::uint32_t last_number_ = 0;
  std::map<std::uint32_t, stream> streams_;
  std::map<channel_id, std::uint32_t> numbers_;
};

} // namespace banger::port
