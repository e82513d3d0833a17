// Bytes both ways between one TLS connection and one without, each way by itself: what one side
// ends, the other is told (close_notify, shutdown), and the other way goes on. Never blocks.
#pragma once

#include "host/unique_fd.hpp"
#include "tls/byte_queue.hpp"
#include "tls/openssl.hpp"
#include "tls/refusal.hpp"

#include <poll.h>
#include <string>
#include <utility>
#include <vector>

namespace banger::tls {

/// The side without TLS: one socket, or a pipe each way.
struct plain_end {
  host::unique_fd in;
  host::unique_fd out; ///< none: `in` is a socket, for both ways
};

class relay {
public:
  /// @param ssl  after its handshake, on `socket`; @param peer  what its other end is
  relay(ssl_ptr ssl, host::unique_fd socket, plain_end plain, end_kind peer);

  /// Adds what is waited for. Its answers go to `serve`.
  void poll_for(std::vector<pollfd>& all);

  /// Takes what poll(2) said of these, and does what can be done now.
  void serve(const std::vector<pollfd>& all);

  /// Does what can be done now, without having been told of anything.
  void push();

  /// There is more to do at once: the next poll(2) must not wait.
  [[nodiscard]] bool is_eager() const;

  /// How long poll(2) may wait, in milliseconds, before serve() is to be called all the same; -1:
  /// for ever.
  [[nodiscard]] int patience() const;

  /// Both ways have ended, or the connection broke.
  [[nodiscard]] bool is_over() const;

  /// Why it broke; empty where it ended in order, or goes on.
  [[nodiscard]] const refusal& trouble() const { return trouble_; }
  [[nodiscard]] bool is_broken() const { return !trouble_.why.empty(); }

  [[nodiscard]] X509* peer_certificate() const { return SSL_get0_peer_certificate(ssl_.get()); }

  /// Tells the other end that nothing more comes, as far as that goes without waiting.
  void say_goodbye();

  /// The socket, for `is_over` connections: closed with bytes unread it would be reset, and what we
  /// said last be lost on the way.
  [[nodiscard]] host::unique_fd take_socket() { return std::move(socket_); }

private:
  struct one_way {
    byte_queue bytes;
    bool has_ended = false;  ///< nothing more comes
    bool is_passed = false;  ///< and the other side knows
    bool is_refused = false; ///< nobody takes them any more: they are dropped
  };

  bool read_plain();
  bool write_plain();
  bool read_tls();
  bool write_tls();
  void pass_ends();
  void watch_peer();
  /// Keeps why an operation of TLS did not succeed. @returns whether it is to be tried again, when
  /// the socket is ready for `wanted`
  bool note(int result, short& wanted);
  [[nodiscard]] int out_fd() const { return plain_.out ? plain_.out.get() : plain_.in.get(); }

  ssl_ptr ssl_;
  host::unique_fd socket_;
  plain_end plain_;
  end_kind peer_;
  bool is_socket_; ///< the plain side
  one_way to_tls_, to_plain_;
  short read_waits_for_ = POLLIN, write_waits_for_ = POLLOUT;
  bool is_plain_ready_ = true; ///< there may be something to read
  bool is_tls_ready_ = true; ///< likewise, also in OpenSSL's buffer, of which poll(2) knows nothing
  bool awaits_peer_ = false; ///< it may not have confirmed all that it was sent
  refusal trouble_;
  std::size_t polled_ = 0; ///< place of the first of three
};

} // namespace banger::tls
