// Runs the real banger-net (its path is in BANGER_NET_BIN) as the way to a guest in Firecracker;
// the test is the virtual socket's host end, as Firecracker's docs/vsock.md has it.
#include "host/process.hpp"
#include "host/tcp_port.hpp"
#include "host/unix_socket.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using banger::host::unique_fd;

namespace {

constexpr int deadline_ms = 20'000;
constexpr const char* address = "127.77.202.1";

std::uint16_t free_port() {
  for (std::uint16_t port = 20'000; port < 20'200; ++port)
    if (banger::host::is_port_free(address, port))
      return port;
  FAIL("no free port");
  return 0;
}

void wait_for(int fd, short events) {
  pollfd waiting{fd, events, 0};
  REQUIRE(::poll(&waiting, 1, deadline_ms) == 1);
}

std::string read_some(const unique_fd& fd, std::size_t most) {
  std::string bytes(most, '\0');
  wait_for(fd.get(), POLLIN);
  const auto size = ::recv(fd.get(), bytes.data(), bytes.size(), 0);
  REQUIRE(size >= 0);
  bytes.resize(static_cast<std::size_t>(size));
  return bytes;
}

std::string read_all(const unique_fd& fd) {
  std::string all;
  for (;;) {
    auto bytes = read_some(fd, 65'536);
    if (bytes.empty())
      return all;
    all += bytes;
  }
}

void write_all(const unique_fd& fd, const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const auto size = ::send(fd.get(), bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    REQUIRE(size > 0);
    done += static_cast<std::size_t>(size);
  }
}

/// banger-net, a process in Firecracker's place, and the socket it listens at.
struct world {
  banger::test::temporary_folder folder;
  std::string device = folder / "vsock.sock";
  std::uint16_t port = free_port();
  banger::host::child firecracker, net;
  unique_fd listener;

  explicit world(bool has_device = true) {
    if (has_device)
      listen();
    banger::host::spawn_request spawn;
    spawn.argv = {"/bin/sleep", "1000"};
    firecracker = std::move(*banger::host::spawn(spawn));
    int ready[2];
    REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
    unique_fd ours{ready[0]}, theirs{ready[1]};
    spawn.argv = {std::getenv("BANGER_NET_BIN"),
                  "--process",
                  "3",
                  "--vsock",
                  device,
                  "--ready-fd",
                  "4",
                  "--forward",
                  std::string{address} + ":" + std::to_string(port) + "=22"};
    spawn.fds = {{firecracker.pidfd.get(), 3}, {theirs.get(), 4}};
    net = std::move(*banger::host::spawn(spawn));
    theirs.reset();
    wait_for(ours.get(), POLLIN);
    char line[64];
    const auto size = ::read(ours.get(), line, sizeof line);
    REQUIRE(size > 0);
    REQUIRE(std::string(line, static_cast<std::size_t>(size)) == "ok\n");
  }

  /// Firecracker's end is the helper's.
  ~world() {
    banger::host::signal_process(firecracker.pidfd, SIGKILL);
    wait_for(net.pidfd.get(), POLLIN);
    CHECK(banger::host::reap(net.pidfd) == 0);
    wait_for(firecracker.pidfd.get(), POLLIN);
    (void)banger::host::reap(firecracker.pidfd);
  }
  world(const world&) = delete;

  void listen() {
    auto made = banger::host::listen_unix(device);
    REQUIRE(made);
    listener = std::move(*made);
  }

  [[nodiscard]] unique_fd dial() const {
    unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    REQUIRE(::inet_pton(AF_INET, address, &to.sin_addr) == 1);
    REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    return fd;
  }

  [[nodiscard]] unique_fd accept_connect() const {
    wait_for(listener.get(), POLLIN);
    unique_fd fd{::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    REQUIRE(read_some(fd, 64) == "CONNECT 22\n");
    return fd;
  }
};

} // namespace

TEST_CASE("banger-net vsock: bytes go both ways, and each way ends by itself") {
  world x;
  auto client = x.dial();
  write_all(client, "too early to be lost");
  auto guest = x.accept_connect();
  write_all(guest, "OK 1073741824\nSSH-2.0-guest"); // the guest's first bytes right behind
  CHECK(read_some(client, 64) == "SSH-2.0-guest");
  CHECK(read_some(guest, 64) == "too early to be lost");
  REQUIRE(::shutdown(client.get(), SHUT_WR) == 0);
  CHECK(read_all(guest).empty());
  write_all(guest, "and yet an answer");
  guest.reset();
  CHECK(read_all(client) == "and yet an answer");
}

TEST_CASE("banger-net vsock: much at once goes through whole, both ways, to slow readers") {
  world x;
  auto client = x.dial();
  auto guest = x.accept_connect();
  write_all(guest, "OK 1\n");
  std::string there(8U << 20, '\0'), back(8U << 20, '\0');
  for (std::size_t i = 0; i < there.size(); ++i) {
    there[i] = static_cast<char>(i * 7 + i / 255);
    back[i] = static_cast<char>(i * 13 + i / 253);
  }
  std::thread writes_there{[&] {
    write_all(client, there);
    ::shutdown(client.get(), SHUT_WR);
  }};
  std::thread writes_back{[&] {
    write_all(guest, back);
    ::shutdown(guest.get(), SHUT_WR);
  }};
  std::string got_there;
  std::thread reads_there{[&] { got_there = read_all(guest); }};
  const auto got_back = read_all(client);
  writes_there.join();
  writes_back.join();
  reads_there.join();
  CHECK((got_there == there));
  CHECK((got_back == back));
}

TEST_CASE("banger-net vsock: a guest that does not listen closes the connection at once") {
  world x;
  auto client = x.dial();
  x.accept_connect().reset();
  CHECK(read_all(client).empty());
}

TEST_CASE("banger-net vsock: a line that is not Firecracker's is not passed on") {
  world x;
  for (const std::string line :
       {"NO\n", "OK\n", "OK 4294967296\n", "OK 111111111111111111111111"}) {
    auto client = x.dial();
    auto guest = x.accept_connect();
    write_all(guest, line);
    CHECK(read_all(client).empty());
  }
}

TEST_CASE("banger-net vsock: before the guest runs, whoever comes is sent away; after, not") {
  world x{false};
  CHECK(read_all(x.dial()).empty());
  x.listen();
  auto client = x.dial();
  auto guest = x.accept_connect();
  write_all(guest, "OK 1\nhello");
  CHECK(read_some(client, 64) == "hello");
}

TEST_CASE("banger-net vsock: a client that leaves takes its connection along") {
  world x;
  auto client = x.dial();
  auto guest = x.accept_connect();
  write_all(guest, "OK 1\n");
  client.reset();
  CHECK(read_all(guest).empty());
}
