// Carries connections to ports of the host to ports of a guest, over one command in it.
#pragma once

#include "cli/guest_command.hpp"
#include "cli/session.hpp"
#include "core/forward_spec.hpp"
#include "core/guest_ports.hpp"
#include "guest/forward_mux.h"
#include "host/tcp_listener.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace banger::cli {

/// One port that is listened at here, and where what connects to it goes.
struct forwarded_port {
  host::tcp_listener listener;
  std::uint16_t guest_port = 0;
  bool is_found = false; ///< it was not asked for: something in the guest listens there
};

/// Lets a line through each second, and counts those between.
class line_limit {
public:
  using clock = std::chrono::steady_clock;
  /// @returns how many were held back before this one; nothing: this one is, too
  std::optional<std::uint64_t> pass(clock::time_point now);

private:
  clock::time_point next_{};
  std::uint64_t held_ = 0;
};

class port_forward {
public:
  /// @param name  of the VM, as it is shown
  port_forward(session& talk, guest_command command, std::string name,
               std::vector<forwarded_port> ports);

  /// Until a signal ends it: then nothing. Errors: unreachable (the daemon is gone),
  /// version_mismatch (the guest's agent is another), link_lost (the command in the guest ended).
  [[nodiscard]] result<void> run();

private:
  struct mux_end {
    void operator()(forward_mux* mux) const { forward_free(mux); }
  };

  [[nodiscard]] result<void> wait();
  [[nodiscard]] result<void> take_guest();
  [[nodiscard]] failure ended() const;
  void send_guest();
  void accept_from(const forwarded_port& from, int socket);
  void found(std::uint16_t guest_port, const std::string& process);
  void gone(std::uint16_t guest_port);
  void refused(std::uint16_t guest_port, int error);
  bool take(const port_frame& frame);
  void tell(const char* type, const forwarded_port& port, const std::string& process);

  session& talk_;
  guest_command command_;
  std::string name_;
  std::vector<forwarded_port> ports_;
  std::unique_ptr<forward_mux, mux_end> mux_;
  std::map<std::uint16_t, line_limit> refusals_; ///< by the guest's port
  int least_connections_ = FORWARD_STREAMS_MAX;  ///< where descriptors ran out, fewer than these
  bool is_ready_ = false;                        ///< the guest's end is there
  bool is_leaving_ = false;
};

} // namespace banger::cli
