#include "core/basp_guard.hpp"

#include "core/basp.hpp"

#include <doctest/doctest.h>

using namespace banger::core;
using namespace std::string_literals;
using basp::header;
using basp::operation;

namespace {

constexpr std::uint32_t control_bytes = 64, message_bytes = 256;

std::string head_of(operation op, std::size_t payload) {
  header x;
  x.op = op;
  x.payload_len = static_cast<std::uint32_t>(payload);
  return basp::encode(x);
}

/// A message of values with these names, `size` bytes of content long.
std::string message(const std::string& names, std::size_t size = 0) {
  std::string out;
  wire_writer writer{out};
  writer.put_length(0);
  writer(std::uint16_t{0}, "@<>" + names);
  return out + std::string(size, 'x');
}

/// A guard, and whether it still lets its connection live.
struct guarded {
  basp_limits limits{control_bytes, message_bytes, {"banger::ok", "banger::two", "@error"}};
  basp_guard guard{limits};

  bool feed(operation op, const std::string& payload) {
    return guard.accept(head_of(op, payload.size())) && guard.accept(payload);
  }
  bool shake_hands() { return feed(operation::client_handshake, std::string(32, 'n')); }
  bool say(const std::string& payload) { return feed(operation::direct_message, payload); }
};

} // namespace

TEST_CASE_FIXTURE(guarded, "basp guard: a handshake, then messages, pass") {
  CHECK_FALSE(guard.has_shaken_hands());
  CHECK(shake_hands());
  CHECK(guard.has_shaken_hands());
  CHECK(say(message("+banger::ok")));
  CHECK(say(message("+banger::ok+banger::two", 100)));
  CHECK(say(message("+@error", 10)));
  CHECK(say(message("")));
  CHECK(feed(operation::monitor_message, std::string(64, 'n')));
  CHECK(feed(operation::down_message, std::string(40, 'n')));
  CHECK(guard.accept(head_of(operation::heartbeat, 0)));
  CHECK(say(message("+banger::two")));
}

TEST_CASE_FIXTURE(guarded, "basp guard: a server's handshake counts as one") {
  CHECK(feed(operation::server_handshake, std::string(50, 'n')));
  CHECK(guard.has_shaken_hands());
}

TEST_CASE("basp guard: what must have a payload and has none is refused") {
  for (auto op : {operation::server_handshake, operation::client_handshake,
                  operation::direct_message, operation::monitor_message, operation::down_message}) {
    guarded x;
    if (op != operation::server_handshake && op != operation::client_handshake)
      REQUIRE(x.shake_hands());
    CHECK_FALSE(x.guard.accept(head_of(op, 0)));
  }
}

TEST_CASE("basp guard: sizes up to the limit pass, one byte more does not") {
  struct {
    operation op;
    std::size_t most;
  } const cases[] = {{operation::server_handshake, control_bytes},
                     {operation::client_handshake, control_bytes},
                     {operation::monitor_message, control_bytes},
                     {operation::down_message, control_bytes},
                     {operation::direct_message, message_bytes}};
  for (const auto& x : cases)
    for (std::size_t size : {x.most, x.most + 1, std::size_t{0xffffffff}}) {
      guarded y;
      if (x.op != operation::server_handshake && x.op != operation::client_handshake)
        REQUIRE(y.shake_hands());
      CHECK(y.guard.accept(head_of(x.op, size)) == (size == x.most));
    }
}

TEST_CASE("basp guard: nothing but a handshake comes first") {
  for (auto op : {operation::direct_message, operation::monitor_message, operation::down_message}) {
    guarded x;
    CHECK_FALSE(x.guard.accept(head_of(op, 16)));
  }
}

TEST_CASE("basp guard: a client says the same handshake once more, and no other") {
  const std::string first(32, 'n');
  const auto again = [](std::size_t size, std::uint8_t flags) {
    header x;
    x.op = operation::client_handshake;
    x.flags = flags;
    x.payload_len = static_cast<std::uint32_t>(size);
    return basp::encode(x);
  };
  guarded x;
  REQUIRE(x.feed(operation::client_handshake, first));
  CHECK(x.guard.accept(again(32, basp::select_connection_flag)));
  CHECK(x.guard.accept(first));
  CHECK(x.say(message("+banger::ok")));
  CHECK_FALSE(x.guard.accept(again(32, basp::select_connection_flag))); // twice is enough
  guarded other;
  REQUIRE(other.feed(operation::client_handshake, first));
  CHECK(other.guard.accept(again(32, basp::select_connection_flag)));
  CHECK_FALSE(other.guard.accept(std::string(32, 'm')));
  for (const auto& [size, flags] :
       {std::pair{31, 2}, std::pair{33, 2}, std::pair{0, 2}, std::pair{32, 0}, std::pair{32, 3}}) {
    guarded y;
    REQUIRE(y.feed(operation::client_handshake, first));
    CHECK_FALSE(
        y.guard.accept(again(static_cast<std::size_t>(size), static_cast<std::uint8_t>(flags))));
  }
  guarded server; // has no client's handshake to say again
  REQUIRE(server.feed(operation::server_handshake, first));
  CHECK_FALSE(server.guard.accept(again(32, basp::select_connection_flag)));
}

TEST_CASE("basp guard: there is no second handshake") {
  for (auto op : {operation::client_handshake, operation::server_handshake}) {
    guarded x;
    REQUIRE(x.shake_hands());
    CHECK_FALSE(x.guard.accept(head_of(op, 32)));
  }
}

TEST_CASE_FIXTURE(guarded, "basp guard: nothing is routed for others") {
  REQUIRE(shake_hands());
  CHECK_FALSE(guard.accept(head_of(operation::routed_message, 64)));
}

TEST_CASE("basp guard: an operation that is not in the protocol is refused") {
  for (unsigned op : {7U, 8U, 255U}) {
    guarded x;
    REQUIRE(x.shake_hands());
    CHECK_FALSE(x.guard.accept(head_of(static_cast<operation>(op), 16)));
  }
}

TEST_CASE("basp guard: a value whose type is not on the list is refused, wherever it stands") {
  for (const char* names : {"+banger::bad", "+banger::ok+banger::bad", "+banger::bad+banger::ok",
                            "+@down", "+@exit", "+banger::o", "+banger::okk", "+banger::ok+",
                            "++banger::ok", "+ banger::ok", "+@<>", "banger::bad"}) {
    guarded x;
    REQUIRE(x.shake_hands());
    if (std::string{names} == "+banger::ok+")
      continue; // a trailing plus names nothing more
    CHECK_MESSAGE(!x.say(message(names)), names);
  }
}

TEST_CASE_FIXTURE(guarded, "basp guard: an error may nest others, so it must be short") {
  REQUIRE(shake_hands());
  const auto base = message("+@error").size();
  CHECK(say(message("+@error", control_bytes - base)));
  CHECK_FALSE(say(message("+@error", control_bytes - base + 1)));
}

TEST_CASE_FIXTURE(guarded, "basp guard: a long message cannot hide an error behind another value") {
  REQUIRE(shake_hands());
  CHECK_FALSE(say(message("+banger::ok+@error", control_bytes)));
}

TEST_CASE_FIXTURE(guarded, "basp guard: a heartbeat has no payload") {
  REQUIRE(shake_hands());
  CHECK_FALSE(guard.accept(head_of(operation::heartbeat, 1)));
}

TEST_CASE("basp guard: a malformed message is refused") {
  for (const auto& payload :
       {"\1"s, "\0"s, "\0\0"s, std::string(20, '\xff'), std::string(9, '\0')}) {
    guarded x;
    REQUIRE(x.shake_hands());
    CHECK_FALSE(x.say(payload));
  }
}

TEST_CASE("basp guard: pieces of a wrong size are refused") {
  for (std::size_t size : {0U, 1U, 31U, 33U, 64U}) {
    guarded x;
    CHECK_FALSE(x.guard.accept(std::string(size, '\1')));
  }
  for (std::size_t size : {0U, 1U, 31U, 33U}) {
    guarded x;
    REQUIRE(x.guard.accept(head_of(operation::client_handshake, 32)));
    CHECK_FALSE(x.guard.accept(std::string(size, 'n')));
    CHECK_FALSE(x.guard.has_shaken_hands());
  }
}

TEST_CASE_FIXTURE(guarded, "basp guard: once refused, always refused") {
  REQUIRE(shake_hands());
  REQUIRE_FALSE(guard.accept("x"));
  CHECK_FALSE(guard.accept(head_of(operation::heartbeat, 0)));
  CHECK_FALSE(say(message("+banger::ok")));
}
