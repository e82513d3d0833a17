// Takes TLS connections from other machines and gives each a connection to the daemon's socket. One
// thread, one poll(2); who misbehaves costs a bounded share of it.
#pragma once

#include "core/tcp_endpoint.hpp"
#include "host/unique_fd.hpp"
#include "protocol/result.hpp"
#include "tls/credentials.hpp"
#include "tls/refusal_log.hpp"
#include "tls/relay.hpp"

#include <cstdint>
#include <list>
#include <string>
#include <vector>

namespace banger::tls {

struct listen_options {
  core::tcp_endpoint where;
  std::string socket; ///< path of the daemon's
  std::string folder; ///< of the certificates
};

class listener {
public:
  /// Reads the certificates and listens. Errors: those of load_credentials and host::listen_tcp.
  [[nodiscard]] static result<listener> open(const listen_options& how);

  /// "192.0.2.1:7443", where it listens.
  [[nodiscard]] const std::string& place() const { return place_; }

  /// Serves until a descriptor of `ends` can be read. Errors: failed.
  [[nodiscard]] result<void> run(const std::vector<int>& ends);

private:
  /// Somebody who has not come through yet, or who is on the way out.
  struct visitor {
    enum class stage : std::uint8_t {
      handshake,
      dialing, ///< the daemon is busy: asked again in a moment
      leaving  ///< told why; what comes is thrown away until they close
    };
    host::unique_fd socket;
    std::string name;    ///< for the log: "192.0.2.7:40112"
    std::string address; ///< of these alone
    std::int64_t until_ms = 0;
    stage at = stage::handshake;
    short waits_for = POLLIN;
    ssl_ptr ssl;
    cert_ptr refused; ///< the certificate, where that is why
    std::size_t polled = 0;
  };
  struct guest {
    std::string name;
    relay bytes;
  };

  listener(listen_options how, credentials by);

  void poll_for_all(const std::vector<int>& ends);
  [[nodiscard]] int patience(std::int64_t now) const;
  void accept_all(std::int64_t now);
  void take(host::unique_fd socket, const std::string& address, std::uint16_t port,
            std::int64_t now);
  void make_room(std::int64_t now);
  /// @returns false where the visitor is to be forgotten
  bool serve(visitor& x, std::int64_t now);
  bool shake_hands(visitor& x, std::int64_t now);
  bool let_in(visitor& x, std::int64_t now);
  bool send_away(visitor& x, const std::string& why, std::int64_t now);
  void serve_guests(std::int64_t now);
  void read_certificates(std::int64_t now);

  listen_options how_;
  credentials by_;
  credential_watch watch_;
  refusal_log log_;       ///< of those who are in, and of ourselves
  refusal_log strangers_; ///< apart, so that they cannot hide the former
  host::unique_fd socket_;
  std::string place_;
  std::int64_t paused_until_ms_ = 0; ///< no descriptors were left
  std::list<visitor> visitors_;
  std::list<guest> guests_;
  std::vector<pollfd> polled_;
};

} // namespace banger::tls
