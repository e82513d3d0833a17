// A non-blocking TCP connection of our own: libssh's connect would resolve names and block.
#pragma once

#include "protocol/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace banger::ssh {

/// Owns one TCP socket, close-on-exec and non-blocking.
class tcp_socket {
public:
  tcp_socket() = default;
  ~tcp_socket();
  tcp_socket(tcp_socket&& other) noexcept;
  tcp_socket& operator=(tcp_socket&& other) noexcept;

  /// Starts to connect; poll for POLLOUT, then ask finish_connect().
  /// @param address  numeric IPv4 or IPv6.
  /// @returns ec::bad_request where the address is not numeric; ec::link_lost where the kernel
  /// refuses
  ///          at once.
  [[nodiscard]] static result<tcp_socket> dial(const std::string& address, std::uint16_t port);

  /// The outcome of the connect: 0 or an errno value. Source: connect(2), EINPROGRESS.
  [[nodiscard]] int finish_connect() const;

  /// A second descriptor of the same socket, for libssh to own and close.
  /// @returns -1 and errno on failure.
  [[nodiscard]] int duplicate() const;

  /// Sets O_NONBLOCK again: libssh clears it when the socket becomes connected, and with a frozen
  /// peer one large send would then stop every guest.
  void restore_nonblocking() const;

  /// Acknowledges at once what was received; not sticky (tcp(7)), so call it after each exchange.
  void acknowledge_now() const;

  /// Breaks the connection when sent data stays unacknowledged for `limit`; 0: the kernel's
  /// default.
  void set_user_timeout(std::chrono::milliseconds limit) const;

  [[nodiscard]] int fd() const { return fd_; }
  void close();

private:
  explicit tcp_socket(int fd) : fd_(fd) {}
  int fd_ = -1;
};

} // namespace banger::ssh
