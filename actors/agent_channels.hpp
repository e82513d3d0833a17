// The way to a guest's agent: streams of bytes that are opened with a first frame. A test has a way
// of its own. What happens on a stream arrives at its listener as ssh_note and ssh_data.
#pragma once

#include "port/port_io.hpp"
#include "protocol/actors.hpp"
#include "ssh/ssh_io.hpp"

#include <string>

namespace banger::actors {

/// For streams whose frames have a credit of their own, which is less: this one never runs out.
inline constexpr std::size_t framed_window = 4U << 20;

class agent_channels {
public:
  virtual ~agent_channels() = default;

  /// Opens a stream over a connection that a guest_port gave. None of this blocks.
  /// @param first_frame  what it says of itself
  /// @param window       bytes that may come before any are dealt with; port::stream_window where
  /// it is a
  ///                     data port's
  virtual ssh::channel_id open(ssh::connection_id connection, std::string first_frame,
                               std::size_t window, const ssh_listener_actor& listener) = 0;
  virtual void write(ssh::channel_id channel, std::string bytes) = 0;
  /// Nothing more will be written.
  virtual void send_eof(ssh::channel_id channel) = 0;
  /// So many bytes of ssh_data are dealt with.
  virtual void took(ssh::channel_id channel, std::size_t bytes) = 0;
  virtual void close(ssh::channel_id channel) = 0;
};

/// Over the VM's data port, or over direct-streamlocal channels to the agent's socket: what the
/// connection is.
class guest_channels : public agent_channels {
public:
  guest_channels(ssh::ssh_io& ssh, port::port_io& ports) : ssh_(ssh), ports_(ports) {}
  ssh::channel_id open(ssh::connection_id connection, std::string first_frame, std::size_t window,
                       const ssh_listener_actor& listener) override;
  void write(ssh::channel_id channel, std::string bytes) override;
  void send_eof(ssh::channel_id channel) override;
  void took(ssh::channel_id channel, std::size_t bytes) override;
  void close(ssh::channel_id channel) override;

private:
  ssh::ssh_io& ssh_;
  port::port_io& ports_;
};

} // namespace banger::actors
