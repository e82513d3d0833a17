// Runs the real banger-net (its path is in BANGER_NET_BIN) with hand-made frames in QEMU's place.
#include "core/net_counters.hpp"
#include "host/files.hpp"
#include "host/process.hpp"
#include "host/unix_socket.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using banger::host::unique_fd;

namespace {

constexpr int deadline_ms = 10'000;
constexpr int icmp = 1, tcp = 6, udp = 17, syn = 2, rst = 4, ack = 16;
const std::string guest_mac{"\x52\x54\x00\x12\x34\x56", 6}, any_mac(6, '\xff');
const std::string guest{"\x0a\x00\x02\x0f", 4}, gateway{"\x0a\x00\x02\x02", 4};
const std::string loopback{"\x7f\x00\x00\x01", 4}, elsewhere{"\xc0\x00\x02\x01", 4};

std::string be16(unsigned x) {
  return {static_cast<char>(x >> 8 & 0xFF), static_cast<char>(x & 0xFF)};
}

unsigned u16(const std::string& bytes, std::size_t at) {
  return static_cast<unsigned>(static_cast<unsigned char>(bytes.at(at)) << 8 |
                               static_cast<unsigned char>(bytes.at(at + 1)));
}

std::string with_checksum(std::string bytes, std::size_t at, const std::string& pseudo = {}) {
  auto all = pseudo + bytes + (bytes.size() % 2 != 0 ? std::string(1, '\0') : "");
  unsigned sum = 0;
  for (std::size_t i = 0; i < all.size(); i += 2)
    sum += u16(all, i);
  while (sum > 0xFFFF)
    sum = (sum & 0xFFFF) + (sum >> 16);
  return bytes.replace(at, 2, be16(~sum & 0xFFFF));
}

std::string ipv4(const std::string& to, int protocol, const std::string& payload) {
  auto header = std::string{"\x45\x00", 2} + be16(static_cast<unsigned>(20 + payload.size())) +
                std::string(4, '\0') + "\x40" + static_cast<char>(protocol) + be16(0) + guest + to;
  return any_mac + guest_mac + be16(0x0800) + with_checksum(header, 10) + payload;
}

std::string tcp_frame(const std::string& to, unsigned from_port, unsigned to_port, unsigned flags,
                      const std::string& seq, const std::string& acked) {
  auto segment = be16(from_port) + be16(to_port) + seq + acked + be16(0x5000 | flags) +
                 be16(0xFFFF) + be16(0) + be16(0);
  auto pseudo = guest + to + be16(tcp) + be16(static_cast<unsigned>(segment.size()));
  return ipv4(to, tcp, with_checksum(segment, 16, pseudo));
}

std::string syn_to(const std::string& to, unsigned port) {
  return tcp_frame(to, 40000, port, syn, "seq0", std::string(4, '\0'));
}

std::string ping(std::size_t size) {
  return ipv4(gateway, icmp,
              with_checksum(std::string{"\x08", 1} + std::string(7 + size, '\0'), 2));
}

std::string arp_reply() {
  return any_mac + guest_mac + be16(0x0806) + std::string{"\0\1\x08\0\6\4\0\2", 8} + guest_mac +
         guest + any_mac + gateway;
}

bool is_ip(const std::string& frame, int protocol) {
  return frame.size() >= 34 && u16(frame, 12) == 0x0800 && frame[23] == protocol;
}

bool is_pong(const std::string& frame) {
  return is_ip(frame, icmp) && frame.at(34) == 0;
}

sockaddr_in address_of(const char* text, unsigned port) {
  sockaddr_in x{};
  x.sin_family = AF_INET;
  x.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, text, &x.sin_addr);
  return x;
}

/// A listener on a free port; `port` is set.
unique_fd listen_at(const char* address, unsigned& port) {
  unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  auto at = address_of(address, 0);
  socklen_t size = sizeof at;
  REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&at), size) == 0);
  REQUIRE(::listen(fd.get(), 8) == 0);
  REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
  port = ntohs(at.sin_port);
  return fd;
}

unique_fd dial(const char* address, unsigned port) {
  unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  auto to = address_of(address, port);
  REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
  return fd;
}

/// A port that was free a moment ago.
unsigned free_port(const char* address) {
  unsigned port = 0;
  listen_at(address, port);
  return port;
}

bool has_connection(const unique_fd& listener) {
  pollfd x{listener.get(), POLLIN, 0};
  return ::poll(&x, 1, 0) == 1;
}

/// All that comes until the end, or until the deadline.
std::string read_all(int fd) {
  std::string out;
  std::array<char, 4096> buffer{};
  pollfd x{fd, POLLIN, 0};
  while (::poll(&x, 1, deadline_ms) == 1) {
    auto n = ::read(fd, buffer.data(), buffer.size());
    if (n <= 0)
      break;
    out.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return out;
}

/// The helper, with us as its QEMU. Ended and collected at the end of its life.
class helper {
public:
  explicit helper(const std::vector<std::string>& options, std::vector<std::string> runner = {}) {
    const char* program = std::getenv("BANGER_NET_BIN");
    REQUIRE_MESSAGE(program != nullptr, "BANGER_NET_BIN is not set");
    auto pair = banger::host::socket_pair();
    REQUIRE(pair);
    qemu = std::move(pair->first);
    std::array<int, 2> ready{}, errors{};
    REQUIRE(::pipe2(ready.data(), O_CLOEXEC) == 0);
    REQUIRE(::pipe2(errors.data(), O_CLOEXEC) == 0);
    unique_fd ready_end{ready[1]}, errors_end{errors[1]};
    ready_ = unique_fd{ready[0]};
    errors_ = unique_fd{errors[0]};
    banger::host::spawn_request request;
    request.argv = std::move(runner);
    for (const char* text : {program, "--vm", "/nowhere", "--fd", "3", "--ready-fd", "4"})
      request.argv.emplace_back(text);
    request.argv.insert(request.argv.end(), options.begin(), options.end());
    request.fds = {{pair->second.get(), 3}, {ready_end.get(), 4}, {errors_end.get(), 2}};
    auto child = banger::host::spawn(request);
    REQUIRE(child);
    child_ = std::move(*child);
  }

  ~helper() {
    if (!child_.pidfd)
      return;
    banger::host::signal_process(child_.pidfd, SIGKILL);
    collect();
  }

  helper(const helper&) = delete;
  helper& operator=(const helper&) = delete;

  std::string ready_line() { return read_all(ready_.get()); }
  std::string errors() { return read_all(errors_.get()); }
  [[nodiscard]] pid_t pid() const { return child_.pid; }
  void signal(int number) { banger::host::signal_process(child_.pidfd, number); }

  /// @returns the exit status, or -1 where it did not exit by itself in time.
  int exit_status() {
    pollfd x{child_.pidfd.get(), POLLIN, 0};
    if (::poll(&x, 1, deadline_ms) != 1)
      return -1;
    auto status = collect();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  void write(const std::string& bytes) {
    REQUIRE(::send(qemu.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
  }

  void send(const std::string& frame) {
    write(std::string(2, '\0') + be16(static_cast<unsigned>(frame.size())) + frame);
  }

  /// @returns empty at the end of the stream or the deadline.
  std::string receive() {
    auto prefix = receive_bytes(4);
    return prefix.empty() ? prefix : receive_bytes(u16(prefix, 2));
  }

  /// Skips frames up to one of this kind.
  template <class Predicate>
  std::string receive_until(Predicate is_wanted) {
    for (;;) {
      auto frame = receive();
      if (frame.empty() || is_wanted(frame))
        return frame;
    }
  }

  /// What was sent before has been handled when this returns. @returns the frames until then.
  std::vector<std::string> settle(bool (*is_last)(const std::string&) = is_pong) {
    send(ping(0));
    std::vector<std::string> frames;
    for (;;) {
      auto frame = receive();
      REQUIRE_FALSE(frame.empty());
      if (is_last(frame))
        return frames;
      frames.push_back(frame);
    }
  }

  /// Makes the guest known, as any first frame of a kernel does.
  void introduce_guest() {
    REQUIRE(ready_line() == "ok\n");
    send(arp_reply());
  }

  unique_fd qemu;

private:
  std::string receive_bytes(std::size_t size) {
    std::string out(size, '\0');
    pollfd x{qemu.get(), POLLIN, 0};
    for (std::size_t got = 0; got < size;) {
      auto n = ::poll(&x, 1, deadline_ms) == 1
                   ? ::recv(qemu.get(), out.data() + got, size - got, MSG_DONTWAIT)
                   : 0;
      if (n <= 0)
        return {};
      got += static_cast<std::size_t>(n);
    }
    return out;
  }

  int collect() {
    siginfo_t ignored{};
    ::waitid(P_PIDFD, static_cast<id_t>(child_.pidfd.get()), &ignored, WEXITED | WNOWAIT);
    auto status = banger::host::reap(child_.pidfd);
    child_.pidfd.reset();
    return status.value_or(-1);
  }

  banger::host::child child_;
  unique_fd ready_, errors_;
};

std::string forward_of(unsigned port) {
  return "127.77.201.1:" + std::to_string(port) + "=22";
}

} // namespace

TEST_CASE("banger-net: a connection to a forward arrives in the guest, and its answer outside") {
  auto port = free_port("127.77.201.1");
  helper net({"--forward", forward_of(port)});
  net.introduce_guest();
  auto outside = dial("127.77.201.1", port);
  auto opening = net.receive_until([](const std::string& x) { return is_ip(x, tcp); });
  REQUIRE(opening.size() >= 54);
  CHECK(opening.substr(26, 4) == gateway);
  CHECK(u16(opening, 36) == 22);
  CHECK((u16(opening, 46) & 0x3F) == syn);
  // Refuse it: the outside hears of it through a closed connection.
  auto acked = opening.substr(38, 4);
  acked[3] = static_cast<char>(acked[3] + 1);
  net.send(tcp_frame(gateway, 22, u16(opening, 34), rst | ack, std::string(4, '\0'), acked));
  CHECK(read_all(outside.get()).empty());
}

namespace {

banger::core::net_counters read_counters(const std::string& path) {
  const auto bytes = banger::host::read_file(path, 4096);
  REQUIRE(bytes);
  const auto found = banger::core::parse_net_counters(*bytes);
  REQUIRE(found);
  return *found;
}

} // namespace

TEST_CASE("banger-net: it counts all frames, both ways") {
  const banger::test::temporary_folder folder;
  const auto path = folder / "counters";
  helper net({"--counters", path});
  REQUIRE(net.ready_line() == "ok\n");
  CHECK(read_counters(path).sent_bytes == 0);
  CHECK(read_counters(path).received_bytes == 0);
  net.send(arp_reply());
  std::size_t received = 0;
  const auto is_any = [](const std::string&) { return true; };
  net.send(ping(100));
  for (auto frame = net.receive_until(is_any); !is_pong(frame); frame = net.receive_until(is_any)) {
    REQUIRE_FALSE(frame.empty());
    received += frame.size();
  }
  received += ping(100).size(); // as long as its answer
  const auto counted = read_counters(path);
  CHECK(counted.sent_bytes == arp_reply().size() + ping(100).size());
  CHECK(counted.received_bytes == received);
}

TEST_CASE("banger-net: where it cannot count, it says so and works all the same") {
  helper net({"--counters", "/no/such/folder/counters"});
  net.introduce_guest();
  (void)net.settle();
  net.qemu.reset();
  CHECK(net.errors().find("/no/such/folder/counters") != std::string::npos);
}

TEST_CASE("banger-net: a burst of connections is taken at once, not one a second") {
  auto port = free_port("127.77.201.1");
  helper net({"--forward", forward_of(port)});
  net.introduce_guest();
  net.signal(SIGSTOP);
  std::vector<unique_fd> clients;
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    auto to = address_of("127.77.201.1", port);
    ::connect(clients.back().get(), reinterpret_cast<sockaddr*>(&to), sizeof to);
    pollfd connected{clients.back().get(), POLLOUT, 0};
    // A free place in the queue is enough: the helper, stopped, cannot take anything out of it.
    REQUIRE(::poll(&connected, 1, deadline_ms) == 1);
  }
  net.signal(SIGCONT);
}

TEST_CASE("banger-net: the host's loopback is refused through the gateway, at once") {
  unsigned port = 0;
  auto listener = listen_at("127.0.0.1", port);
  helper net({});
  net.introduce_guest();
  net.send(syn_to(gateway, port));
  auto frames = net.settle();
  CHECK_FALSE(has_connection(listener));
  REQUIRE(frames.size() == 1);
  CHECK(is_ip(frames[0], tcp));
  CHECK((u16(frames[0], 46) & 0x3F) == (rst | ack));
}

TEST_CASE("banger-net: the host's loopback is out of reach of hand-made frames") {
  unsigned port = 0;
  auto listener = listen_at("127.0.0.1", port);
  helper net({});
  net.introduce_guest();
  net.send(syn_to(loopback, port));
  net.send(syn_to(std::string(4, '\0'), port));   // Linux connects 0.0.0.0 to itself
  net.send(syn_to(std::string(4, '\xff'), port)); // libslirp's other alias of the loopback
  CHECK(net.settle().empty());
  CHECK_FALSE(has_connection(listener));
}

TEST_CASE("banger-net: an isolated guest is refused the outside at once") {
  helper net({"--isolated"});
  net.introduce_guest();
  net.send(syn_to(elsewhere, 80));
  auto frames = net.settle();
  REQUIRE(frames.size() == 1);
  CHECK((u16(frames[0], 46) & 0x3F) == (rst | ack));
}

TEST_CASE("banger-net: forwards of an isolated guest work") {
  auto port = free_port("127.77.201.1");
  helper net({"--isolated", "--forward", forward_of(port)});
  net.introduce_guest();
  auto outside = dial("127.77.201.1", port);
  auto opening = net.receive_until([](const std::string& x) { return is_ip(x, tcp); });
  REQUIRE(opening.size() >= 54);
  CHECK(u16(opening, 36) == 22);
}

TEST_CASE("banger-net: an address in use is told in one line on --ready-fd, and ends it") {
  unsigned port = 0;
  auto taken = listen_at("127.77.201.1", port);
  helper net({"--forward", forward_of(port)});
  auto line = net.ready_line();
  CHECK(line ==
        "error forward 127.77.201.1 port " + std::to_string(port) + ": Address already in use\n");
  CHECK(net.exit_status() == 1);
  CHECK(net.errors().find("Address already in use") != std::string::npos);
}

TEST_CASE("banger-net: a wrong argument is told on --ready-fd too") {
  helper net({"--forward", "127.0.0.1:22"});
  CHECK(net.ready_line().find("error read the forward '127.0.0.1:22'") == 0);
  CHECK(net.exit_status() == 1);
}

TEST_CASE("banger-net: it ends by itself and in silence when QEMU is gone") {
  helper net({});
  net.introduce_guest();
  net.qemu.reset();
  CHECK(net.exit_status() == 0);
  CHECK(net.errors().empty());
}

TEST_CASE("banger-net: a termination signal ends it in silence") {
  helper net({});
  net.introduce_guest();
  net.signal(SIGTERM);
  CHECK(net.exit_status() == 0);
  CHECK(net.errors().empty());
}

TEST_CASE("banger-net: a length that no frame has ends it with a clear word") {
  for (const auto& [prefix, size] :
       {std::pair{std::string(4, '\0'), "0"}, std::pair{std::string{"\0\1\x10\1", 4}, "69633"},
        std::pair{std::string(4, '\xff'), "4294967295"}}) {
    helper net({});
    net.introduce_guest();
    net.write(prefix);
    CHECK(net.exit_status() == 1);
    CHECK(net.errors() ==
          "banger-net: read from QEMU: it announced a frame of " + std::string{size} + " bytes\n");
  }
}

TEST_CASE("banger-net: frames may come in any pieces") {
  helper net({});
  net.introduce_guest();
  auto frame = ping(100);
  auto bytes = std::string(2, '\0') + be16(static_cast<unsigned>(frame.size())) + frame;
  for (char c : bytes + bytes)
    net.write(std::string(1, c));
  CHECK(is_pong(net.receive()));
  CHECK(is_pong(net.receive()));
}

TEST_CASE("banger-net: for a QEMU that does not read, a bounded number of frames waits") {
  constexpr int sent = 6000;
  helper net({});
  net.introduce_guest();
  for (int i = 0; i < sent; ++i)
    net.send(ping(1400)); // 8 MiB of answers that nobody reads; a helper that waited would block us
  // The queue is 1 MiB, and a Unix socket holds 208 KiB: with 600 read there is room again.
  int got = 0;
  while (got < 600 && !net.receive().empty())
    ++got;
  REQUIRE(got == 600);
  got += static_cast<int>(net.settle([](const std::string& x) { return x.size() < 100; }).size());
  CHECK(got < 1500);
}

TEST_CASE("banger-net: it closes what its parent left open, and takes no new privileges") {
  helper net({}, {"/bin/sh", "-c", "exec 9</dev/null; exec \"$0\" \"$@\""});
  net.introduce_guest();
  auto process = "/proc/" + std::to_string(net.pid());
  CHECK(::access((process + "/fd/3").c_str(), F_OK) == 0);
  CHECK(::access((process + "/fd/4").c_str(), F_OK) != 0);
  CHECK(::access((process + "/fd/9").c_str(), F_OK) != 0);
  unique_fd status{::open((process + "/status").c_str(), O_RDONLY | O_CLOEXEC)};
  auto text = read_all(status.get());
  CHECK(text.find("Name:\tbanger-net\n") == 0);
  CHECK(text.find("NoNewPrivs:\t1\n") != std::string::npos);
}
