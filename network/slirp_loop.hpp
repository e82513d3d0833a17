// The user-mode network of one VM: libslirp between QEMU's socket and the host's own sockets.
//
// The guest sees 10.0.2.0/24 with gateway 10.0.2.2, resolver 10.0.2.3 and itself as 10.0.2.15. What
// it may reach is in core/frame_filter.hpp. IPv6 is off: nothing can go around the IPv4 rules
// through it, and a guest without an IPv6 address does not wait for one on a host that has none.
#pragma once

#include "core/forward_rule.hpp"
#include "core/frame_filter.hpp"
#include "network/counter_page.hpp"
#include "network/frame_socket.hpp"
#include "protocol/result.hpp"

#include <cstdint>
#include <poll.h>
#include <string_view>
#include <unordered_set>
#include <vector>

struct Slirp;

namespace banger::network {

struct network_options {
  std::vector<core::forward_rule> forwards;
  bool is_isolated = false; ///< no way out; forwards work
};

class slirp_loop {
public:
  /// @param socket  connected stream socket to QEMU, see frame_socket.hpp
  /// @param counters  of all that goes over it; what the filter drops counts as sent too
  slirp_loop(host::unique_fd socket, counter_page counters);
  ~slirp_loop();
  slirp_loop(const slirp_loop&) = delete;
  slirp_loop& operator=(const slirp_loop&) = delete;

  /// Makes the network and binds the forwards. Call once.
  /// Errors: already_exists (an address is in use), failed.
  [[nodiscard]] result<void> start(const network_options& options);

  /// Serves until QEMU closes its end. Errors: failed (malformed frames, a broken socket).
  [[nodiscard]] result<void> run();

private:
  friend struct slirp_callbacks;
  result<void> bind_forward(const core::forward_rule& rule);
  int wait();
  result<void> take_frames();
  void send_frame(std::string_view frame);

  frame_socket qemu_;
  counter_page counters_;
  Slirp* slirp_ = nullptr;
  core::way_out way_out_ = core::way_out::open;
  std::vector<pollfd> polled_; ///< [0] is QEMU's socket, the rest is libslirp's
  std::unordered_set<int>
      connections_; ///< descriptors of libslirp's, without the forwards' listeners
};

} // namespace banger::network
