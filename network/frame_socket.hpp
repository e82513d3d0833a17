// The connection to QEMU: Ethernet frames both ways, each behind its length as 4 bytes, big-endian.
// That is how QEMU's `-netdev stream` and `-netdev socket` speak over a stream socket (QEMU 7.2,
// net/stream.c, net_fill_rstate).
#pragma once

#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace banger::network {

class frame_socket {
public:
  /// QEMU's own limit (NET_BUFSIZE): the largest IP packet and any header.
  static constexpr std::size_t max_frame_size = 4096 + 65536;
  /// What waits for a QEMU that does not read, prefixes included. A frame beyond is dropped, as a
  /// network card does with a full ring; TCP sends it again.
  static constexpr std::size_t max_queued_size = 1U << 20;

  explicit frame_socket(host::unique_fd fd);

  /// Reads once, without waiting: as many frames as there are, up to the size of the buffer.
  /// Views from next_frame() are invalid after it. @returns false at the end of the stream.
  /// Errors: failed.
  [[nodiscard]] result<bool> receive();

  /// @returns the next frame that receive() got, or an empty view where there is no whole one.
  /// Errors: failed, for a length that no frame has; the stream cannot be used any further.
  [[nodiscard]] result<std::string_view> next_frame();

  /// Queues a frame for flush(), or drops it.
  void send(std::string_view frame);

  /// Writes as much as the socket takes, without waiting. A closed socket takes nothing: receive()
  /// says so.
  void flush();

  [[nodiscard]] bool has_unsent() const { return sent_ < out_.size(); }
  [[nodiscard]] int fd() const { return fd_.get(); }

private:
  host::unique_fd fd_;
  std::unique_ptr<char[]> in_; ///< what was read and not yet taken is in [taken_, filled_)
  std::size_t taken_ = 0;
  std::size_t filled_ = 0;
  std::string out_;
  std::size_t sent_ = 0; ///< bytes of out_ that are gone
};

} // namespace banger::network
