#include "tests/unit/guest/forward_tester.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace banger::test {

namespace {

constexpr std::chrono::seconds patience{10};

struct spawned {
  pid_t pid = -1;
  host::unique_fd to, from;
};

spawned spawn_agent(const std::vector<const char*>& arguments) {
  const char* program = std::getenv("BANGER_TEST_AGENT");
  REQUIRE_MESSAGE(program != nullptr, "set BANGER_TEST_AGENT to the banger-agent program");
  std::array<int, 2> in{}, out{};
  REQUIRE(::pipe2(in.data(), O_CLOEXEC) == 0);
  REQUIRE(::pipe2(out.data(), O_CLOEXEC) == 0);
  std::vector<char*> argv{const_cast<char*>(program)};
  for (const auto* argument : arguments)
    argv.push_back(const_cast<char*>(argument));
  argv.push_back(nullptr);
  const auto pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    ::execv(program, argv.data());
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  return {pid, host::unique_fd{in[1]}, host::unique_fd{out[0]}};
}

int status_of(pid_t pid) {
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace

listening::listening(const std::string& address) {
  sockaddr_in ip4{};
  sockaddr_in6 ip6{};
  const auto is_ipv4 = ::inet_pton(AF_INET, address.c_str(), &ip4.sin_addr) == 1;
  ip4.sin_family = AF_INET;
  ip6.sin6_family = AF_INET6;
  REQUIRE((is_ipv4 || ::inet_pton(AF_INET6, address.c_str(), &ip6.sin6_addr) == 1));
  void* where = is_ipv4 ? static_cast<void*>(&ip4) : &ip6;
  socklen_t size = is_ipv4 ? sizeof ip4 : sizeof ip6;
  fd.reset(::socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  REQUIRE(fd);
  REQUIRE(::bind(fd.get(), static_cast<sockaddr*>(where), size) == 0);
  REQUIRE(::listen(fd.get(), SOMAXCONN) == 0);
  REQUIRE(::getsockname(fd.get(), static_cast<sockaddr*>(where), &size) == 0);
  port = ntohs(is_ipv4 ? ip4.sin_port : ip6.sin6_port);
}

host::unique_fd connect_to(const listening& where) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(where.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  void* generic = &address;
  host::unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  REQUIRE(::connect(fd.get(), static_cast<sockaddr*>(generic), sizeof address) == 0);
  REQUIRE(::fcntl(fd.get(), F_SETFL, O_NONBLOCK) == 0);
  return fd;
}

host::unique_fd accept_from(const listening& where) {
  return host::unique_fd{::accept4(where.fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
}

void heard::listen_to(const host::unique_fd& fd) {
  std::string piece(1 << 16, '\0');
  while (!is_over && fd) {
    const auto n = ::recv(fd.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
      return;
    is_over = n <= 0;
    error = n < 0 ? errno : 0;
    bytes.append(piece, 0, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  }
}

forward_tester::forward_tester(const std::vector<const char*>& arguments) {
  std::signal(SIGPIPE, SIG_IGN);
  auto agent = spawn_agent(arguments);
  pid_ = agent.pid;
  to_ = std::move(agent.to);
  from_ = std::move(agent.from);
  REQUIRE(::fcntl(to_.get(), F_SETFL, O_NONBLOCK) == 0);
  REQUIRE(::fcntl(from_.get(), F_SETFL, O_NONBLOCK) == 0);
  forward_calls calls{};
  calls.owner = this;
  calls.refused = [](void* self, std::uint16_t port, int error) {
    static_cast<forward_tester*>(self)->refusals.push_back({port, error});
  };
  calls.take = [](void* self, const port_frame* frame) {
    static_cast<forward_tester*>(self)->notes.push_back(
        {frame->type, {reinterpret_cast<const char*>(frame->payload), frame->size}});
    return true;
  };
  mux = forward_new(calls);
  REQUIRE(mux != nullptr);
}

forward_tester::~forward_tester() {
  forward_free(mux);
  to_.reset();
  if (pid_ > 0)
    ::waitpid(pid_, nullptr, 0);
}

host::unique_fd forward_tester::open(std::uint16_t port) {
  auto client = connect_to(door_);
  auto accepted = accept_from(door_);
  REQUIRE(accepted);
  REQUIRE(forward_has_place(mux));
  forward_open(mux, accepted.release(), port);
  return client;
}

bool forward_tester::pump(const std::function<bool()>& is_there) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::vector<pollfd> fds(FORWARD_STREAMS_MAX + 2);
  std::string piece(1 << 16, '\0');
  while (!is_there()) {
    if (std::chrono::steady_clock::now() > deadline)
      return false;
    const auto count = forward_poll(mux, fds.data());
    const unsigned char* bytes = nullptr;
    const auto size = forward_output(mux, &bytes);
    const auto sent = size > 0 ? ::write(to_.get(), bytes, size) : 0;
    if (sent > 0)
      forward_sent(mux, static_cast<std::size_t>(sent));
    fds[static_cast<std::size_t>(count)] = {from_.get(), POLLIN, 0};
    (void)::poll(fds.data(), static_cast<nfds_t>(count) + 1, 1); // what is_there() sees is polled
    forward_work(mux, fds.data(), count);
    const auto n = ::read(from_.get(), piece.data(), piece.size());
    if (n > 0 && !forward_feed(mux, piece.data(), static_cast<std::size_t>(n)))
      is_malformed = true;
  }
  return true;
}

void forward_tester::send_raw(std::string_view bytes) {
  REQUIRE(::write(to_.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
}

int forward_tester::wait_end() {
  to_.reset();
  const auto status = status_of(pid_);
  pid_ = -1;
  return status;
}

std::string agent_prints(const char* verb) {
  auto agent = spawn_agent({verb});
  std::string all, piece(1 << 16, '\0');
  for (ssize_t n = 0; (n = ::read(agent.from.get(), piece.data(), piece.size())) > 0;)
    all.append(piece, 0, static_cast<std::size_t>(n));
  CHECK(status_of(agent.pid) == 0);
  return all;
}

} // namespace banger::test
