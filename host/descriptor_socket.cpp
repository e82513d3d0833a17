#include "host/descriptor_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace banger::host {

namespace {

result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un x{};
  x.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof x.sun_path)
    return fail_errno("use the socket " + path, ENAMETOOLONG);
  std::memcpy(x.sun_path, path.data(), path.size());
  return x;
}

const sockaddr* plain(const sockaddr_un& x) {
  return reinterpret_cast<const sockaddr*>(&x);
}

/// Room for the descriptors of one packet, aligned as cmsg(3) wants it.
union control_buffer {
  cmsghdr head;
  char bytes[CMSG_SPACE(sizeof(int) * most_descriptors)];
};

void take_descriptors(msghdr& message, packet& out) {
  for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
      continue;
    auto count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
      out.fds.emplace_back(fd);
    }
  }
}

} // namespace

result<unique_fd> listen_packets(const std::string& path) {
  auto address = address_of(path);
  if (!address)
    return tl::make_unexpected(address.error());
  struct stat there {};
  if (::lstat(path.c_str(), &there) == 0 && S_ISSOCK(there.st_mode)) {
    if (auto there_is = connect_packets(path); there_is || there_is.error().code != ec::not_found)
      return fail(ec::already_exists, "listen at " + path, "somebody listens there",
                  "end that one first: fuser -v " + path);
    ::unlink(path.c_str()); // of one that was killed
  }
  unique_fd fd{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  constexpr int backlog = 64;
  if (!fd || ::fchmod(fd.get(), 0600) != 0 ||
      ::bind(fd.get(), plain(*address), sizeof *address) != 0 || ::listen(fd.get(), backlog) != 0)
    return fail_errno("listen at " + path);
  return fd;
}

result<unique_fd> connect_packets(const std::string& path) {
  auto address = address_of(path);
  if (!address)
    return tl::make_unexpected(address.error());
  unique_fd fd{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (fd && ::connect(fd.get(), plain(*address), sizeof *address) == 0)
    return fd;
  if (errno == EAGAIN)
    return fail(ec::busy, "connect to " + path, "too many wait there already");
  return fail_errno("connect to " + path, errno == ECONNREFUSED ? ENOENT : errno);
}

result<void> send_packet(int socket, std::string_view bytes, const std::vector<int>& fds) {
  if (fds.size() > most_descriptors)
    return fail(ec::bad_request, "send a packet", "it has too many descriptors");
  std::string copy{bytes}; // iovec wants it mutable
  iovec part{copy.data(), copy.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  control_buffer control{};
  if (!fds.empty()) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    if (auto* rights = CMSG_FIRSTHDR(&message); rights != nullptr) {
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
      std::memcpy(CMSG_DATA(rights), fds.data(), sizeof(int) * fds.size());
    }
  }
  ssize_t sent = 0;
  do
    sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (sent < 0 && errno == EINTR);
  if (sent >= 0)
    return {};
  if (errno == EAGAIN)
    return fail(ec::busy, "send a packet", "the other end does not read");
  if (errno == EPIPE || errno == ECONNRESET)
    return fail(ec::link_lost, "send a packet", "the other end is gone");
  return fail_errno("send a packet");
}

result<packet> receive_packet(int socket, std::size_t most_bytes) {
  packet x;
  x.bytes.resize(most_bytes);
  iovec part{x.bytes.data(), x.bytes.size()};
  control_buffer control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  ssize_t got = 0;
  do
    got = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN)
    return fail(ec::busy, "receive a packet", "there is none");
  if (got < 0 && errno != ECONNRESET)
    return fail_errno("receive a packet");
  x.bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  take_descriptors(message, x);
  x.is_cut = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  return x;
}

} // namespace banger::host
