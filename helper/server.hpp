// banger-helper's clients: who may ask, and what comes in which form.
#pragma once

#include "helper/operations.hpp"
#include "host/descriptor_socket.hpp"
#include "host/unique_fd.hpp"
#include "protocol/result.hpp"

#include <cstdint>
#include <list>
#include <vector>

namespace banger::helper {

class server {
public:
  /// @param listener  listens for SOCK_SEQPACKET
  /// @param owner     the one user id that is served, beside root
  /// Errors: failed.
  [[nodiscard]] static result<server> open(host::unique_fd listener, std::uint32_t owner);

  /// Serves until SIGTERM or SIGINT. What was made stays. Errors: failed.
  [[nodiscard]] result<void> run();

private:
  struct client {
    host::unique_fd socket;
    bool has_greeted = false;
    std::vector<std::uint32_t> lent_taps; ///< kept for it, though nobody has them open
  };

  server(host::unique_fd listener, host::unique_fd events, host::unique_fd signals, operations all,
         std::uint32_t owner);
  void accept_all();
  void take_events();
  [[nodiscard]] bool serve(client& who);
  [[nodiscard]] std::list<client>::iterator drop(std::list<client>::iterator who);

  host::unique_fd listener_;
  host::unique_fd events_;  ///< rtnetlink: links that come and go
  host::unique_fd signals_; ///< signalfd(2)
  operations operations_;
  std::uint32_t owner_;
  std::list<client> clients_;
};

} // namespace banger::helper
