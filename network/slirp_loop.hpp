// The user-mode network of one VM: libslirp between QEMU's socket and the host's own sockets.
//
// The guest sees 10.0.2.0/24 with gateway 10.0.2.2, resolver 10.0.2.3 and itself as 10.0.2.15.
// Addresses of the host other than loopback stay reachable, like any other machine's. Nothing of
// IPv6 is offered: the host may have none, and a guest that believes it has it waits for nothing.
#pragma once

#include "core/forward_rule.hpp"
#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct Slirp;

namespace banger::network {

struct network_options {
  std::vector<core::forward_rule> forwards;
  bool is_isolated = false; ///< no way out; forwards work
};

/// Runs until QEMU closes its end.
class slirp_loop {
public:
  /// @param socket  connected stream socket; frames both ways behind a 4-byte big-endian length, as
  /// QEMU's
  ///                `-netdev stream` speaks
  explicit slirp_loop(host::unique_fd socket);
  ~slirp_loop();
  slirp_loop(const slirp_loop&) = delete;

  /// Makes the network and binds the forwards. Errors: already_exists (an address is taken),
  /// failed.
  [[nodiscard]] result<void> start(const network_options& options);

  /// Serves. Errors: failed (malformed frames, a broken socket).
  [[nodiscard]] result<void> run();

private:
  friend struct slirp_callbacks;
  result<bool> read_frames();
  result<void> take_frames();
  void send_frame(const void* data, std::size_t size);
  void flush();

  host::unique_fd socket_;
  Slirp* slirp_ = nullptr;
  std::string in_;
  std::string out_;
  std::size_t sent_ = 0; ///< bytes of out_ that are gone
};

} // namespace banger::network
