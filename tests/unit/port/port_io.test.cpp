// The host's end of a data port, with a guest that the test plays by hand.
#include "port/port_io.hpp"

#include "guest/port_frames.h"
#include "guest/wire.h"
#include "tests/support/port_events.hpp"

#include <array>
#include <doctest/doctest.h>
#include <optional>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace banger;
using namespace banger::test;
using namespace std::chrono_literals;

namespace {

const unsigned char* bytes_of(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// A guest's end, and the host's that belongs to it.
struct port_world {
  struct frame {
    int type = 0;
    std::uint32_t stream = 0;
    std::string payload;
  };

  port_world() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    guest = host::unique_fd{ends[0]};
    host_end = host::unique_fd{ends[1]};
  }

  void open(std::chrono::milliseconds patience = 10s) {
    connection = io.open(std::move(host_end), patience, events);
  }
  /// Opens it, and answers as a guest would.
  void open_ready() {
    open();
    const auto reset = next();
    REQUIRE(reset.type == port_reset);
    say(port_ready, 0, reset.payload);
    REQUIRE(events->wait_connected(connection));
  }
  ssh::channel_id open_stream(const std::string& first = {}) {
    return io.open_stream(connection, first, events);
  }

  void say_bytes(const std::string& bytes) {
    REQUIRE(::send(guest.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
  }
  void say(std::uint8_t type, std::uint32_t stream, const std::string& payload) {
    std::string out(PORT_OVERHEAD + payload.size(), '\0');
    port_put(reinterpret_cast<unsigned char*>(out.data()), type, stream, payload.data(),
             static_cast<std::uint32_t>(payload.size()));
    say_bytes(out);
  }
  void pay(std::uint32_t stream, std::uint32_t bytes) {
    std::string more(4, '\0');
    wire_store_u32(reinterpret_cast<unsigned char*>(more.data()), bytes);
    say(port_credit, stream, more);
  }

  /// The next frame of the host's, padding aside; type 0: there is none for a second.
  frame next() {
    for (;;) {
      in.erase(0, std::min(in.find_first_not_of('\0'), in.size()));
      port_frame x{};
      const auto what = port_next(bytes_of(in), in.size(), &x);
      REQUIRE(what != port_next_bad);
      if (what == port_next_frame) {
        frame out{x.type, x.stream, {reinterpret_cast<const char*>(x.payload), x.size}};
        in.erase(0, PORT_OVERHEAD + x.size);
        return out;
      }
      pollfd readable{guest.get(), POLLIN, 0};
      if (::poll(&readable, 1, 1000) != 1)
        return {};
      std::array<char, 65536> buffer{};
      const auto n = ::recv(guest.get(), buffer.data(), buffer.size(), 0);
      if (n <= 0)
        return {};
      in.append(buffer.data(), static_cast<std::size_t>(n));
    }
  }

  host::unique_fd guest, host_end;
  std::string in;
  port::port_io io; // before the sink that uses it
  std::shared_ptr<port_events> events = std::make_shared<port_events>(io);
  port::connection_id connection = 0;
};

} // namespace

TEST_CASE_FIXTURE(port_world,
                  "port_io: a guest that answers is connected, and streams go both ways") {
  open_ready();
  CHECK(port::is_port(connection));
  const auto stream = open_stream("first");
  CHECK(port::is_port(stream));
  CHECK(next().type == port_open);
  const auto data = next();
  CHECK(data.type == port_data);
  CHECK(data.stream == 1);
  CHECK(data.payload == "first");
  io.write(stream, "second");
  CHECK(next().payload == "second");
  say(port_data, 1, "answer");
  say(port_close, 1, {});
  REQUIRE(events->wait_over(stream));
  const auto x = events->at(stream);
  CHECK(x.bytes == "answer");
  CHECK(x.opened == 1);
  CHECK(x.closed == 1);
  CHECK(x.lost == 0);
  io.write(stream, "nobody hears this");
  io.took(stream, 1);
  io.close_stream(stream);
  (void)open_stream();
  const auto other = next();
  CHECK(other.type == port_open);
  CHECK(other.stream == 2); // a number is never used again
  CHECK(events->at(stream).after_last == 0);
}

TEST_CASE_FIXTURE(port_world, "port_io: the bytes of one that was closed here go nowhere") {
  open_ready();
  const auto stream = open_stream();
  CHECK(next().type == port_open);
  io.close_stream(stream);
  REQUIRE(events->wait_over(stream));
  CHECK(next().type == port_close);
  say(port_data, 1, "late");
  say(port_close, 1, {});
  const auto other = open_stream();
  CHECK(next().type == port_open);
  say(port_data, 2, "x");
  CHECK(events->wait(other, [](const auto& x) { return x.bytes == "x"; }));
  CHECK(events->at(stream).bytes.empty());
  CHECK(events->at(stream).after_last == 0);
}

TEST_CASE_FIXTURE(port_world,
                  "port_io: no more than its window of a stream is sent before credit") {
  open_ready();
  const auto stream = open_stream();
  (void)next();
  io.write(stream, std::string(PORT_WINDOW + 1000, 'x'));
  std::size_t all = 0;
  while (all < PORT_WINDOW)
    all += next().payload.size();
  CHECK(all == PORT_WINDOW);
  const auto other = open_stream("y"); // which is not held up by that
  CHECK(next().type == port_open);
  CHECK(next().payload == "y");
  pay(1, 600);
  CHECK(next().payload.size() == 600);
  pay(1, 4000);
  CHECK(next().payload.size() == 400);
  io.close_stream(other);
  CHECK(next().type == port_close);
}

TEST_CASE_FIXTURE(port_world, "port_io: what was dealt with is paid for, in large steps") {
  open_ready();
  const auto stream = open_stream();
  (void)next();
  events->stall(stream);
  for (int i = 0; i < 4; ++i)
    say(port_data, 1, std::string(PORT_WINDOW / 8, 'x'));
  REQUIRE(events->wait(stream, [](const auto& x) { return x.bytes.size() == PORT_WINDOW / 2; }));
  io.took(stream, 1000);
  events->let_go();
  const auto paid = next();
  REQUIRE(paid.type == port_credit);
  CHECK(wire_load_u32(bytes_of(paid.payload)) == PORT_WINDOW / 2 + 1000);
}

TEST_CASE_FIXTURE(port_world, "port_io: what a guest said to the host before us is skipped") {
  open();
  const auto reset = next();
  say(port_data, 1, std::string(1000, 'x'));       // a whole frame
  say_bytes(std::string{"\xBA\x7A\x02\0\0\0", 6}); // and one that was cut off
  const std::string other(2 + PORT_NONCE_SIZE, '\0');
  say(port_ready, 0, other);
  say(port_ready, 0, reset.payload);
  CHECK(events->wait_connected(connection));
  CHECK(events->at(connection).lost == 0);
}

TEST_CASE_FIXTURE(port_world, "port_io: a guest that missed the reset is asked again, by another "
                              "nonce, and only that counts") {
  open();
  const auto first = next();
  const auto second = next();
  REQUIRE(second.type == port_reset);
  CHECK(first.payload != second.payload);
  say(port_ready, 0, first.payload);
  const auto stream = open_stream("x");
  CHECK(events->wait(stream, [](const auto& x) { return x.opened == 1; }));
  CHECK(events->at(connection).connected == 0);
  say(port_ready, 0, second.payload);
  CHECK(events->wait_connected(connection));
}

TEST_CASE_FIXTURE(port_world, "port_io: a guest that never answers is given up, with its streams") {
  open(300ms);
  const auto stream = open_stream("x");
  REQUIRE(events->wait_over(connection));
  CHECK(events->at(connection).why.code == ec::link_lost);
  CHECK_FALSE(events->at(connection).is_terminal);
  CHECK(events->at(stream).lost == 1);
  const auto late = open_stream();
  REQUIRE(events->wait_over(late));
  CHECK(events->at(late).lost == 1);
  io.close(connection);
  CHECK(events->at(connection).after_last == 0);
}

TEST_CASE_FIXTURE(port_world, "port_io: a guest that does not even read is given up as well") {
  int small = 4096;
  REQUIRE(::setsockopt(host_end.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
  open(300ms);
  REQUIRE(events->wait_over(connection));
  CHECK(events->at(connection).lost == 1);
}

TEST_CASE_FIXTURE(port_world, "port_io: what ends a connection ends its streams, each once") {
  open_ready();
  const auto first = open_stream();
  const auto second = open_stream();
  (void)next();
  (void)next();
  SUBCASE("bytes that are no frame") {
    say_bytes("garbage");
  }
  SUBCASE("a wrong trailer") {
    std::string out(PORT_OVERHEAD, '\0');
    port_put(reinterpret_cast<unsigned char*>(out.data()), port_data, 1, nullptr, 0);
    out.back() = static_cast<char>(out.back() + 1);
    say_bytes(out);
  }
  SUBCASE("a guest's end that began anew") {
    say(port_ready, 0, std::string(2 + PORT_NONCE_SIZE, '\0'));
  }
  SUBCASE("a hypervisor that ends") {
    guest.reset();
  }
  SUBCASE("its owner") {
    io.close(connection);
  }
  SUBCASE("the daemon's end") {
    io.stop();
  }
  for (auto id : {first, second, connection}) {
    REQUIRE(events->wait_over(id));
    CHECK(events->at(id).lost == 1);
    CHECK(events->at(id).closed == 0);
    CHECK(events->at(id).why.code == ec::link_lost);
  }
  io.write(first, "x");
  io.close_stream(second);
  const auto late = open_stream();
  REQUIRE(events->wait_over(late));
  for (auto id : {first, second, connection})
    CHECK(events->at(id).after_last == 0);
}

TEST_CASE_FIXTURE(port_world, "port_io: frames of streams that nobody opened change nothing") {
  open_ready();
  say(port_data, 99, "x");
  pay(99, 1000);
  say(port_close, 99, {});
  say(port_data, 0, "x");
  const auto stream = open_stream("y");
  CHECK(next().type == port_open);
  CHECK(next().payload == "y");
  say(port_data, 1, {}); // empty
  say(port_credit, 1, "odd");
  say(port_data, 1, "z");
  CHECK(events->wait(stream, [](const auto& x) { return x.bytes == "z"; }));
}

TEST_CASE("port_io: connections do not hold each other up") {
  port_world busy;
  busy.open_ready();
  const auto stream = busy.open_stream();
  busy.io.write(stream, std::string(PORT_WINDOW, 'x')); // which its guest does not read
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  host::unique_fd guest{ends[0]};
  const auto other = busy.io.open(host::unique_fd{ends[1]}, 300ms, busy.events);
  REQUIRE(busy.events->wait_over(other));
  CHECK(busy.events->at(busy.connection).lost == 0);
}

TEST_CASE("port_io: it ends, also right behind commands that it has not run yet") {
  const auto child = ::fork(); // should it not end, then not with us
  REQUIRE(child >= 0);
  if (child == 0) {
    ::alarm(10);
    for (int i = 0; i < 300; ++i) {
      port::port_io io;
      auto events = std::make_shared<port_events>(io);
      if (i % 2 == 0)
        ::usleep(300); // until it sleeps
      io.close(1);
      io.stop();
    }
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
}
