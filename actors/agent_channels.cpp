#include "actors/agent_channels.hpp"

#include "actors/ssh_sink.hpp"
#include "core/agent_frames.hpp"

#include <utility>

namespace banger::actors {

ssh::channel_id guest_channels::open(ssh::connection_id connection, std::string first_frame,
                                     std::size_t window, const ssh_listener_actor& listener) {
  auto sink = make_ssh_sink(listener);
  if (port::is_port(connection))
    return ports_.open_stream(connection, std::move(first_frame), std::move(sink));
  return ssh_.open_unix(connection, std::string{core::agent::socket_path}, std::move(first_frame),
                        window, std::move(sink));
}

void guest_channels::write(ssh::channel_id channel, std::string bytes) {
  if (port::is_port(channel))
    ports_.write(channel, std::move(bytes));
  else
    ssh_.write(channel, std::move(bytes));
}

void guest_channels::send_eof(ssh::channel_id channel) {
  if (port::is_port(channel))
    ports_.send_eof(channel);
  else
    ssh_.send_eof(channel);
}

void guest_channels::took(ssh::channel_id channel, std::size_t bytes) {
  if (port::is_port(channel))
    ports_.took(channel, bytes);
  else
    ssh_.credit(channel, bytes);
}

void guest_channels::close(ssh::channel_id channel) {
  if (port::is_port(channel))
    ports_.close_stream(channel);
  else
    ssh_.close_channel(channel);
}

} // namespace banger::actors
