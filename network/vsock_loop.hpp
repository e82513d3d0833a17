// The way to a guest that has no network card: connections to addresses of the host go to ports of
// the guest over Firecracker's virtual socket. The guest has no way out by it.
#pragma once

#include "core/forward_rule.hpp"
#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <cstdint>
#include <list>
#include <poll.h>
#include <string>
#include <vector>

namespace banger::network {

class vsock_loop {
public:
  /// @param process  pidfd of Firecracker: it ends with it
  /// @param device   path of the virtual socket, where Firecracker listens once the guest runs
  vsock_loop(host::unique_fd process, std::string device);

  /// Binds the forwards. Call once. Errors: already_exists (an address is in use), failed.
  [[nodiscard]] result<void> start(const std::vector<core::forward_rule>& forwards);

  /// Serves until Firecracker ends. Errors: failed.
  [[nodiscard]] result<void> run();

private:
  struct listener {
    host::unique_fd fd;
    std::uint16_t guest_port = 0;
  };
  /// Bytes one way, of which at most `most_bytes` are under way.
  struct stream {
    std::string bytes;
    bool has_ended = false;  ///< nothing more comes
    bool is_passed = false;  ///< and the other end knows
    bool is_refused = false; ///< nobody takes them any more
  };
  struct connection {
    host::unique_fd client, guest;
    std::string reply;    ///< Firecracker's first line, as far as it has come
    bool is_open = false; ///< the guest listens
    stream to_guest, to_client;
    std::size_t polled = 0; ///< its place in what is polled; the guest's end is the next
  };

  void take_client(const listener& from);
  void poll_for(connection& x);
  /// @returns false where it is over.
  bool serve(connection& x);
  bool read_reply(connection& x);

  host::unique_fd process_;
  std::string device_;
  std::vector<listener> listeners_;
  std::list<connection> connections_;
  std::vector<pollfd> polled_; ///< the process, the listeners, then two for each connection
};

} // namespace banger::network
