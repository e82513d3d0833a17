// Port-forwards: the host's end, the guest's end in a real banger-agent, real connections.
#include "core/guest_ports.hpp"
#include "tests/unit/guest/agent_tester.hpp"
#include "tests/unit/guest/forward_tester.hpp"

#include <algorithm>
#include <cerrno>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace banger;
using namespace banger::test;

namespace {

/// One connection through a forward, and both who talk over it.
struct carried {
  carried(forward_tester& tester, const listening& to) : client(tester.open(to.port)) {
    REQUIRE(tester.pump([&] { return static_cast<bool>(server = accept_from(to)); }));
  }
  host::unique_fd client, server;
  heard at_client, at_server;
};

void say(const host::unique_fd& fd, std::string_view bytes) {
  REQUIRE(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(bytes.size()));
}

/// Sends what can be sent. @returns how much is left
std::string_view say_some(const host::unique_fd& fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n <= 0)
      break;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return bytes;
}

void reset(host::unique_fd& fd) {
  const linger at_once{1, 0};
  REQUIRE(::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
  fd.reset();
}

std::string frame_of(std::uint8_t type, std::uint32_t stream, const std::string& payload) {
  std::string out(PORT_OVERHEAD + payload.size(), '\0');
  port_put(reinterpret_cast<unsigned char*>(out.data()), type, stream, payload.data(),
           static_cast<std::uint32_t>(payload.size()));
  return out;
}

std::string port_bytes(std::uint16_t port) {
  return {static_cast<char>(port >> 8), static_cast<char>(port & 0xFF)};
}

} // namespace

TEST_CASE("forward: bytes go both ways, and each way ends by itself") {
  forward_tester tester;
  listening to;
  carried x{tester, to};
  say(x.client, "hello");
  ::shutdown(x.client.get(), SHUT_WR);
  REQUIRE(tester.pump([&] { return x.at_server.listen_to(x.server), x.at_server.is_over; }));
  CHECK(x.at_server.bytes == "hello");
  CHECK(x.at_server.error == 0);
  x.at_client.listen_to(x.client);
  CHECK_FALSE(x.at_client.is_over);
  say(x.server, "and you");
  x.server.reset();
  REQUIRE(tester.pump([&] { return x.at_client.listen_to(x.client), x.at_client.is_over; }));
  CHECK(x.at_client.bytes == "and you");
  CHECK(x.at_client.error == 0);
  CHECK(tester.pump([&] { return forward_count(tester.mux) == 0; }));
  CHECK(tester.wait_end() == 0);
  CHECK_FALSE(tester.is_malformed);
}

TEST_CASE("forward: the guest's end says first that it is there") {
  forward_tester tester;
  REQUIRE(tester.pump([&] { return !tester.notes.empty(); }));
  CHECK(tester.notes.front().type == port_ready);
  CHECK(tester.notes.front().payload.size() == 2 + PORT_NONCE_SIZE);
}

TEST_CASE("forward: what listens on one address alone is reached") {
  for (const std::string address : {"127.0.0.1", "0.0.0.0", "127.0.0.5", "::1", "::"}) {
    CAPTURE(address);
    forward_tester tester;
    listening to{address};
    carried x{tester, to};
    say(x.client, "x");
    CHECK(tester.pump([&] { return x.at_server.listen_to(x.server), x.at_server.bytes == "x"; }));
    CHECK(tester.refusals.empty());
  }
}

TEST_CASE("forward: a port that nobody listens at is refused, and the connection reset") {
  forward_tester tester;
  std::uint16_t port = 0;
  { port = listening{}.port; }
  auto client = tester.open(port);
  heard at_client;
  REQUIRE(tester.pump([&] { return at_client.listen_to(client), at_client.is_over; }));
  CHECK(at_client.error == ECONNRESET);
  REQUIRE(tester.refusals.size() == 1);
  CHECK(tester.refusals.front().port == port);
  CHECK(tester.refusals.front().error == ECONNREFUSED);
  CHECK(forward_count(tester.mux) == 0);
}

TEST_CASE("forward: a reset is passed on, either way") {
  forward_tester tester;
  listening to;
  carried one{tester, to}, other{tester, to};
  reset(one.server);
  CHECK(tester.pump([&] { return one.at_client.listen_to(one.client), one.at_client.is_over; }));
  CHECK(one.at_client.error == ECONNRESET);
  reset(other.client);
  CHECK(tester.pump(
      [&] { return other.at_server.listen_to(other.server), other.at_server.is_over; }));
  CHECK(other.at_server.error == ECONNRESET);
  CHECK(tester.pump([&] { return forward_count(tester.mux) == 0; }));
  CHECK(tester.refusals.empty()); // nobody was refused
}

TEST_CASE("forward: a server's last word arrives though it did not read all") {
  forward_tester tester;
  listening to;
  carried x{tester, to};
  const auto much = noise(4 << 20);
  std::string_view left = much;
  REQUIRE(tester.pump([&] {
    left = say_some(x.client, left);
    x.at_server.bytes.resize(16);
    return ::recv(x.server.get(), x.at_server.bytes.data(), 16, MSG_DONTWAIT) == 16;
  }));
  say(x.server, "too much");
  x.server.reset(); // with bytes unread: its kernel sends a reset
  REQUIRE(tester.pump([&] {
    left = say_some(x.client, left);
    return x.at_client.listen_to(x.client), x.at_client.is_over;
  }));
  CHECK((x.at_client.bytes == "too much" || x.at_client.error == ECONNRESET));
  CHECK(tester.pump([&] { return forward_count(tester.mux) == 0; }));
}

TEST_CASE("forward: one that nobody reads holds nobody else up") {
  forward_tester tester;
  listening to;
  carried stopped{tester, to}, busy{tester, to};
  const auto flood = noise(32 << 20), much = noise(3 << 20);
  std::string_view flood_left = flood, left = much, back = much;
  // Nobody reads at the stopped one's server: its client cannot send all.
  REQUIRE(tester.pump([&] {
    flood_left = say_some(stopped.client, flood_left);
    left = say_some(busy.client, left);
    back = say_some(busy.server, back);
    busy.at_server.listen_to(busy.server);
    busy.at_client.listen_to(busy.client);
    return busy.at_server.bytes.size() == much.size() && busy.at_client.bytes.size() == much.size();
  }));
  CHECK(busy.at_server.bytes == much);
  CHECK(busy.at_client.bytes == much);
  CHECK(flood_left.size() > flood.size() / 8); // it waits, and is not hoarded
  REQUIRE(tester.pump([&] {
    flood_left = say_some(stopped.client, flood_left);
    stopped.at_server.listen_to(stopped.server);
    return stopped.at_server.bytes.size() == flood.size();
  }));
  CHECK(stopped.at_server.bytes == flood);
}

TEST_CASE("forward: as many connections as there may be") {
  forward_tester tester;
  listening to;
  std::vector<std::unique_ptr<carried>> all;
  constexpr std::size_t count = 200;
  while (all.size() < count)
    all.push_back(std::make_unique<carried>(tester, to));
  for (std::size_t i = 0; i < count; ++i)
    say(all[i]->client, std::to_string(i));
  REQUIRE(tester.pump([&] {
    for (auto& x : all)
      x->at_server.listen_to(x->server);
    return std::none_of(all.begin(), all.end(),
                        [](const auto& x) { return x->at_server.bytes.empty(); });
  }));
  std::vector<std::string> got, wanted;
  for (std::size_t i = 0; i < count; ++i) {
    got.push_back(all[i]->at_server.bytes);
    wanted.push_back(std::to_string(i));
  }
  std::sort(got.begin(), got.end());
  std::sort(wanted.begin(), wanted.end());
  CHECK(got == wanted);
  all.clear();
  CHECK(tester.pump([&] { return forward_count(tester.mux) == 0; }));
}

TEST_CASE("forward: the guest's end ends with its input, also where that is no frame") {
  for (const auto& bytes :
       {std::string{}, std::string{"what is this"}, frame_of(port_open, 1, "x"),
        frame_of(port_open, 0, port_bytes(1)), frame_of(port_listening, 0, port_bytes(1)),
        frame_of(port_open, 1, port_bytes(1)).substr(0, 5)}) {
    CAPTURE(bytes.size());
    forward_tester tester;
    tester.send_raw(bytes);
    CHECK(tester.wait_end() == 0);
  }
}

TEST_CASE("forward: a guest that lies is found out") {
  forward_calls calls{};
  const auto is_good = [&](const std::string& bytes) {
    auto* mux = forward_new(calls);
    listening door;
    auto client = connect_to(door);
    forward_open(mux, accept_from(door).release(), 80);
    const auto result = forward_feed(mux, bytes.data(), bytes.size());
    forward_free(mux);
    return result;
  };
  CHECK(is_good(frame_of(port_data, 1, "x")));
  CHECK(is_good(frame_of(port_data, 7, "of one that has ended")));
  CHECK_FALSE(is_good("HTTP/1.1 200 OK"));
  CHECK_FALSE(is_good(frame_of(port_open, 2, port_bytes(22)))); // it may not open connections here
  CHECK_FALSE(is_good(frame_of(port_end, 1, {}) + frame_of(port_data, 1, "after the end")));
  CHECK_FALSE(is_good(frame_of(port_listening, 0, port_bytes(80)))); // nobody asked
  std::string more_than_the_window;
  for (std::size_t sent = 0; sent < 64U * PORT_WINDOW; sent += PORT_DATA_MAX)
    more_than_the_window += frame_of(port_data, 1, std::string(PORT_DATA_MAX, 'x'));
  CHECK_FALSE(is_good(more_than_the_window));
}

TEST_CASE("forward: what begins and ceases to listen is told") {
  forward_tester tester{{"forward", "--watch"}};
  std::uint16_t port = 0;
  const auto is_told = [&](std::uint8_t type) {
    return std::any_of(tester.notes.begin(), tester.notes.end(), [&](const auto& note) {
      return note.type == type && note.payload.substr(0, 2) == port_bytes(port);
    });
  };
  {
    listening to;
    port = to.port;
    CHECK(tester.pump([&] { return is_told(port_listening); }));
    CHECK_FALSE(is_told(port_gone));
  }
  CHECK(tester.pump([&] { return is_told(port_gone); }));
}

TEST_CASE("agent ports: what listens here, and whose it is") {
  listening ip4, ip6{"::1"};
  const auto found = core::parse_guest_ports(agent_prints("ports"));
  REQUIRE(found);
  const auto has = [&](const char* address, std::uint16_t port) {
    return std::any_of(found->begin(), found->end(), [&](const auto& x) {
      return x.protocol == "tcp" && x.address == address && x.port == port && x.pid == ::getpid() &&
             x.process == "host-tests";
    });
  };
  CHECK(has("127.0.0.1", ip4.port));
  CHECK(has("::1", ip6.port));
}
