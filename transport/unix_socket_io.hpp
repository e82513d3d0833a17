// The scribe and the doorman of the Unix transport: CAF's socket handlers, adapted to AF_UNIX.
#pragma once

#include "host/unix_socket.hpp"
#include "transport/unix_transport.hpp"

#include <caf/expected.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/doorman_impl.hpp>
#include <caf/io/network/scribe_impl.hpp>

#include <atomic>
#include <set>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace banger::transport {

namespace net = caf::io::network;

class guarded_scribe;

/// What the connections of one actor system share. Touched by its network thread only, but for the
/// counters, which anybody may read.
struct unix_state {
  unix_options options;
  std::atomic<std::size_t> open{0};
  std::atomic<std::size_t> accepted{0};
  std::atomic<std::size_t> refused{0};
  std::atomic<std::size_t> violations{0};
  std::atomic<std::size_t> late{0};
  std::set<guarded_scribe*> live;
};

/// Of a name that is a descriptor and not a path.
inline constexpr std::string_view descriptor_prefix = "fd:";

using unix_state_ptr = std::shared_ptr<unix_state>;

/// One connection: CAF's scribe with the guard in front.
class guarded_scribe : public net::scribe_impl {
public:
  /// @param limits  of what the peer says; a part of the state
  guarded_scribe(net::default_multiplexer& multiplexer, int fd, unix_state_ptr state,
                 const core::basp_limits& limits, host::peer peer);
  ~guarded_scribe() override;

  /// For CAF's logs. The base class would ask the socket for an IP address.
  std::string addr() const override;
  uint16_t port() const override { return 0; }

  bool consume(caf::execution_unit* context, const void* data, size_t size) override;

  [[nodiscard]] bool is_late(std::chrono::steady_clock::time_point now) const;

private:
  unix_state_ptr state_;
  core::basp_guard guard_;
  host::peer peer_;
  std::chrono::steady_clock::time_point since_;
};

/// The listening socket. Removes its file when it closes.
class unix_doorman : public net::doorman_impl {
public:
  unix_doorman(net::default_multiplexer& multiplexer, int fd, std::string path, uint16_t port,
               ino_t inode, unix_state_ptr state);
  ~unix_doorman() override;

  std::string addr() const override { return path_; }
  uint16_t port() const override { return port_; }
  bool new_connection() override;

private:
  std::string path_;
  uint16_t port_; ///< pseudo port: CAF's key for the published actor
  ino_t inode_;
  unix_state_ptr state_;
};

/// Binds and listens at `path`: the folder must be ours and 0700; the socket is 0600.
/// @pre the caller holds the daemon's lock, so a socket that is there is stale.
caf::expected<caf::io::doorman_ptr> listen_at(net::default_multiplexer& multiplexer,
                                              const std::string& path, uint16_t port,
                                              const unix_state_ptr& state);

/// Dials `path`, or takes the descriptor of a name that descriptor_name() made; the listener must
/// run as us or as root.
caf::expected<caf::io::scribe_ptr> connect_to(net::default_multiplexer& multiplexer,
                                              const std::string& path, const unix_state_ptr& state);

} // namespace banger::transport
