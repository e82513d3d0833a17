#include "transport/unix_socket_io.hpp"

#include <caf/make_counted.hpp>
#include <caf/sec.hpp>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace banger::transport {

namespace {

caf::error cannot(caf::sec code, std::string what, const std::string& path, int error) {
  return caf::make_error(code, std::move(what), path, std::string{std::strerror(error)});
}

bool fill(sockaddr_un& address, const std::string& path) {
  address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return false;
  std::memcpy(address.sun_path, path.data(), path.size());
  return true;
}

caf::error check_folder(const std::string& path) {
  auto folder = path.substr(0, path.rfind('/'));
  struct stat info {};
  if (::lstat(folder.c_str(), &info) != 0)
    return cannot(caf::sec::cannot_open_port, "look at", folder, errno);
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & 077) != 0)
    return cannot(caf::sec::cannot_open_port, "not a private folder of this user", folder, EPERM);
  return caf::none;
}

} // namespace

guarded_scribe::guarded_scribe(net::default_multiplexer& multiplexer, int fd, unix_state_ptr state,
                               const core::basp_limits& limits, host::peer peer)
    : net::scribe_impl(multiplexer, fd), state_(std::move(state)), guard_(limits), peer_(peer),
      since_(std::chrono::steady_clock::now()) {
  ++state_->open;
  state_->live.insert(this);
}

guarded_scribe::~guarded_scribe() {
  --state_->open;
  state_->live.erase(this);
}

std::string guarded_scribe::addr() const {
  return "unix:uid=" + std::to_string(peer_.uid) + ",pid=" + std::to_string(peer_.pid);
}

bool guarded_scribe::consume(caf::execution_unit* context, const void* data, size_t size) {
  if (!guard_.accept({static_cast<const char*>(data), size})) {
    ++state_->violations;
    io_failure(context, net::operation::read); // as if the peer had hung up
    return false;
  }
  return net::scribe_impl::consume(context, data, size);
}

bool guarded_scribe::is_late(std::chrono::steady_clock::time_point now) const {
  return !guard_.has_shaken_hands() && now - since_ > state_->options.handshake_timeout;
}

unix_doorman::unix_doorman(net::default_multiplexer& multiplexer, int fd, std::string path,
                           uint16_t port, ino_t inode, unix_state_ptr state)
    : net::doorman_impl(multiplexer, fd), path_(std::move(path)), port_(port), inode_(inode),
      state_(std::move(state)) {}

unix_doorman::~unix_doorman() {
  struct stat info {};
  if (::lstat(path_.c_str(), &info) == 0 && info.st_ino == inode_)
    ::unlink(path_.c_str());
}

bool unix_doorman::new_connection() {
  auto fd = acceptor_.accepted_socket();
  auto peer = host::peer_of(fd);
  if (detached() || !peer || peer->uid != ::geteuid() ||
      state_->open >= state_->options.max_connections) {
    ++state_->refused;
    ::close(fd);
    return false;
  }
  ++state_->accepted;
  auto& multiplexer = acceptor_.backend();
  auto scribe =
      caf::make_counted<guarded_scribe>(multiplexer, fd, state_, state_->options.limits, *peer);
  auto handle = scribe->hdl();
  parent()->add_scribe(std::move(scribe));
  return doorman::new_connection(&multiplexer, handle);
}

caf::expected<caf::io::doorman_ptr> listen_at(net::default_multiplexer& multiplexer,
                                              const std::string& path, uint16_t port,
                                              const unix_state_ptr& state) {
  sockaddr_un address{};
  if (!fill(address, path))
    return cannot(caf::sec::cannot_open_port, "socket path", path, ENAMETOOLONG);
  if (auto error = check_folder(path))
    return error;
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode))
      return cannot(caf::sec::cannot_open_port, "not a socket", path, EEXIST);
    ::unlink(path.c_str());
  }
  auto fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return cannot(caf::sec::cannot_open_port, "make a socket for", path, errno);
  constexpr int backlog = 128;
  ::fchmod(fd, 0600); // on Linux the file gets the mode the socket has at bind
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(fd, backlog) != 0 ||
      ::lstat(path.c_str(), &info) != 0) {
    auto error = errno;
    ::close(fd);
    return cannot(caf::sec::cannot_open_port, "listen at", path, error);
  }
  return caf::io::doorman_ptr{
      caf::make_counted<unix_doorman>(multiplexer, fd, path, port, info.st_ino, state)};
}

namespace {

caf::expected<host::unique_fd> dialled(const std::string& path) {
  sockaddr_un address{};
  if (!fill(address, path))
    return cannot(caf::sec::cannot_connect_to_node, "socket path", path, ENAMETOOLONG);
  host::unique_fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!fd)
    return cannot(caf::sec::cannot_connect_to_node, "make a socket for", path, errno);
  timeval patience{2, 0}; // bounds connect(2) while the listener's backlog is full
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return cannot(caf::sec::cannot_connect_to_node, "connect to", path, errno);
  return fd;
}

/// The descriptor of "fd:17/3".
caf::expected<host::unique_fd> taken(const std::string& name) {
  int number = -1;
  const auto digits = std::string_view{name}.substr(descriptor_prefix.size());
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (end.ec != std::errc{} || number < 0)
    return cannot(caf::sec::cannot_connect_to_node, "use the descriptor", name, EBADF);
  return host::unique_fd{number};
}

} // namespace

caf::expected<caf::io::scribe_ptr> connect_to(net::default_multiplexer& multiplexer,
                                              const std::string& path,
                                              const unix_state_ptr& state) {
  auto socket = path.starts_with(descriptor_prefix) ? taken(path) : dialled(path);
  if (!socket)
    return socket.error();
  auto peer = host::peer_of(socket->get());
  if (!peer || (peer->uid != ::geteuid() && peer->uid != 0))
    return cannot(caf::sec::cannot_connect_to_node, "listener is of another user", path, EPERM);
  return caf::io::scribe_ptr{caf::make_counted<guarded_scribe>(
      multiplexer, socket->release(), state, state->options.dialled_limits, *peer)};
}

} // namespace banger::transport
