#include "ssh/tcp_socket.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <utility>

namespace banger::ssh {

tcp_socket::~tcp_socket() {
  close();
}

tcp_socket::tcp_socket(tcp_socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

tcp_socket& tcp_socket::operator=(tcp_socket&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

result<tcp_socket> tcp_socket::dial(const std::string& address, std::uint16_t port) {
  auto hints = addrinfo{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &list) != 0)
    return fail(ec::bad_request, "connect", "'" + address + "' is not a numeric address");
  auto found = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>(list, &freeaddrinfo);
  auto made = tcp_socket(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (made.fd_ < 0)
    return fail(ec::link_lost, "connect", std::generic_category().message(errno));
  int on = 1;
  setsockopt(made.fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(made.fd_, found->ai_addr, found->ai_addrlen) != 0 && errno != EINPROGRESS)
    return fail(ec::link_lost, "connect", std::generic_category().message(errno));
  return made;
}

int tcp_socket::finish_connect() const {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
    return errno;
  return error;
}

int tcp_socket::duplicate() const {
  return fcntl(fd_, F_DUPFD_CLOEXEC, 0);
}

void tcp_socket::restore_nonblocking() const {
  int flags = fcntl(fd_, F_GETFL);
  if (flags >= 0 && (flags & O_NONBLOCK) == 0)
    fcntl(fd_, F_SETFL, flags | O_NONBLOCK);
}

void tcp_socket::acknowledge_now() const {
  int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

void tcp_socket::set_user_timeout(std::chrono::milliseconds limit) const {
  auto value = static_cast<unsigned>(limit.count());
  setsockopt(fd_, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, sizeof value);
}

void tcp_socket::close() {
  if (fd_ >= 0)
    ::close(std::exchange(fd_, -1));
}

} // namespace banger::ssh
