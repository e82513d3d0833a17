// What port::port_io tells of its connections and streams, for a test to wait for.
#pragma once

#include "port/port_io.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <poll.h>
#include <string>
#include <type_traits>
#include <variant>

namespace banger::test {

/// One stream, or a connection itself.
struct port_record {
  std::string bytes;
  int opened = 0;
  int connected = 0;
  int closed = 0;
  int lost = 0;
  int after_last = 0; ///< events behind the last one: there may be none
  bool is_terminal = false;
  banger::failure why{ec::none, {}, {}, {}};
  [[nodiscard]] bool is_over() const { return closed + lost > 0; }
};

/// The sink of any number of connections and streams.
class port_events : public ssh::sink {
public:
  explicit port_events(port::port_io& io) : io_(io) {}

  void on_event(ssh::connection_id connection, ssh::channel_id channel, ssh::event what) override {
    const auto lock = std::lock_guard(mutex_);
    const auto id = channel != 0 ? channel : connection;
    auto& x = records_[id];
    if (x.is_over())
      ++x.after_last;
    std::visit(
        [&](const auto& y) {
          using type = std::decay_t<decltype(y)>;
          if constexpr (std::is_same_v<type, ssh::connected>) {
            ++x.connected;
          } else if constexpr (std::is_same_v<type, ssh::channel_opened>) {
            ++x.opened;
          } else if constexpr (std::is_same_v<type, ssh::channel_closed>) {
            ++x.closed;
          } else if constexpr (std::is_same_v<type, ssh::connection_lost>) {
            ++x.lost;
            x.is_terminal = y.terminal;
            x.why = y.why;
          } else if constexpr (std::is_same_v<type, ssh::channel_data>) {
            x.bytes += y.bytes;
            if (id != stalled_)
              io_.took(id, y.bytes.size());
          }
        },
        what);
  }

  /// Of this stream nothing is taken until it is let go.
  void stall(ssh::channel_id id) {
    const auto lock = std::lock_guard(mutex_);
    stalled_ = id;
  }
  void let_go() {
    const auto lock = std::lock_guard(mutex_);
    if (stalled_ != 0)
      io_.took(stalled_, records_[stalled_].bytes.size());
    stalled_ = 0;
  }

  [[nodiscard]] port_record at(std::uint64_t id) {
    const auto lock = std::lock_guard(mutex_);
    return records_[id];
  }
  [[nodiscard]] std::size_t size_at(std::uint64_t id) {
    const auto lock = std::lock_guard(mutex_);
    return records_[id].bytes.size();
  }
  /// @returns false where it did not come to that within ten seconds
  [[nodiscard]] bool wait(std::uint64_t id, const std::function<bool(const port_record&)>& until) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    for (;;) {
      {
        const auto lock = std::lock_guard(mutex_);
        if (until(records_[id]))
          return true;
      }
      if (std::chrono::steady_clock::now() > deadline)
        return false;
      ::poll(nullptr, 0, 2);
    }
  }
  [[nodiscard]] bool wait_connected(std::uint64_t id) {
    return wait(id, [](const port_record& x) { return x.connected > 0; });
  }
  [[nodiscard]] bool wait_over(std::uint64_t id) {
    return wait(id, [](const port_record& x) { return x.is_over(); });
  }

private:
  port::port_io& io_;
  std::mutex mutex_;
  std::map<std::uint64_t, port_record> records_;
  ssh::channel_id stalled_ = 0;
};

} // namespace banger::test
