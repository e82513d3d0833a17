// One of our standard output streams, never waited for.
#pragma once

#include "host/unique_fd.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace banger::cli {

/// Standard streams are shared with other processes and must not be made non-blocking, so a pipe or
/// a terminal is opened anew, a socket is sent to without waiting, and a file does not wait.
class output_stream {
public:
  explicit output_stream(int fd);

  void add(std::string_view bytes) { queue_ += bytes; }
  [[nodiscard]] bool is_empty() const { return sent_ == queue_.size(); }
  [[nodiscard]] std::size_t size() const { return queue_.size() - sent_; } ///< not written yet
  /// To be polled for POLLOUT while it is not empty.
  [[nodiscard]] int fd() const { return fd_; }

  /// Writes what can be written now. @returns how much; nothing, with errno, where the stream is
  /// broken
  std::optional<std::size_t> flush();

private:
  int fd_;
  bool is_socket_ = false;
  host::unique_fd own_;
  std::string queue_;
  std::size_t sent_ = 0;
};

} // namespace banger::cli
