// The data ports of guests: one plain thread that carries streams over virtio-serial ports, as
// ssh_io does over SSH, and with the same events. No key exchange and no cipher: in an emulated
// guest that is most of the cost. docs/port.md specifies the frames.
#pragma once

#include "guest/port_frames.h"
#include "host/unique_fd.hpp"
#include "ssh/ssh_io.hpp"

#include <cstddef>
#include <memory>
#include <string>

namespace banger::port {

using ssh::channel_id;
using ssh::connection_id;

/// Whether an id is one of ours: those of ssh_io are never.
[[nodiscard]] constexpr bool is_port(std::uint64_t id) {
  return (id >> 63) != 0;
}

/// Bytes that a stream may have under way, each way.
inline constexpr std::uint32_t stream_window = PORT_WINDOW;

/// Every call but stop() only queues a command and wakes the thread. Events go to sinks, as
/// ssh_io's do: a connection gets `connected`, then connection_lost; a stream channel_opened, then
/// channel_data, and last channel_closed or connection_lost.
class port_io {
public:
  port_io();
  ~port_io();
  port_io(const port_io&) = delete;
  port_io& operator=(const port_io&) = delete;

  /// Takes a socket that is connected to the host's end of a port. The guest has `patience` to
  /// answer.
  connection_id open(host::unique_fd socket, std::chrono::milliseconds patience,
                     std::shared_ptr<ssh::sink> events);
  void close(connection_id connection);

  /// Opens a stream to the guest's agent. @param first_bytes  go first
  channel_id open_stream(connection_id connection, std::string first_bytes,
                         std::shared_ptr<ssh::sink> events);
  void write(channel_id channel, std::string bytes);
  /// Nothing more will be written.
  void send_eof(channel_id channel);
  /// So many bytes of channel_data are dealt with: as many more may come.
  void took(channel_id channel, std::size_t bytes);
  void close_stream(channel_id channel);

  /// Ends every connection and joins the thread. Not from a sink.
  void stop();

private:
  class engine;
  std::unique_ptr<engine> engine_;
};

} // namespace banger::port
