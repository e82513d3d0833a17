#include "core/basp.hpp"

#include "protocol/requests.hpp"
#include "protocol/wire_types.hpp"

#include <doctest/doctest.h>

using namespace banger;
using namespace banger::core;
using namespace banger::core::basp;
using namespace std::string_literals;

namespace {

const node_bytes node = make_node(std::string(24, 'n'));

template <class... Ts>
std::string written(const Ts&... xs) {
  std::string out;
  wire_writer{out}(xs...);
  return out;
}

std::string handshake_payload() {
  return node + written(std::vector<std::string>{"banger-1", "other"}, std::uint64_t{5},
                        std::vector<std::string>{"iface"});
}

/// A message's type names and content, as they stand after the forwarding stack.
std::string message_body(const std::string& types, const std::string& content) {
  return written(std::uint16_t{0}, "@<>"s + types) + content;
}

std::string error_bytes(ec code, const std::string& category, const std::string& body) {
  return written(code, atom_value(category)) + body;
}

} // namespace

TEST_CASE("basp: a header is 32 bytes and comes back") {
  header x;
  x.op = operation::direct_message;
  x.flags = named_receiver_flag;
  x.payload_len = 0x01020304;
  x.operation_data = response_flag | 7;
  x.source_actor = 8;
  x.dest_actor = 0xffffffffffffffff;
  const auto bytes = encode(x);
  REQUIRE(bytes.size() == header_size);
  CHECK(bytes.substr(0, 8) == "\2\0\0\1\1\2\3\4"s);
  const auto back = decode_header(bytes);
  CHECK(back.op == x.op);
  CHECK(back.flags == x.flags);
  CHECK(back.payload_len == x.payload_len);
  CHECK(back.operation_data == x.operation_data);
  CHECK(back.source_actor == x.source_actor);
  CHECK(back.dest_actor == x.dest_actor);
}

TEST_CASE("basp: a node is 32 bytes and never has process id zero") {
  CHECK(node.size() == 32);
  const auto zeros = make_node(std::string(24, '\0'));
  CHECK(zeros.substr(8, 4) != std::string(4, '\0'));
  CHECK(make_node("short").size() == 32);
}

TEST_CASE("basp: a server's handshake is read") {
  const auto found = decode_server_handshake(handshake_payload());
  REQUIRE(found);
  CHECK(found->node == node);
  CHECK(found->app_identifiers == std::vector<std::string>{"banger-1", "other"});
  CHECK(found->published_actor == 5);
}

TEST_CASE("basp: a server's handshake that is cut anywhere is refused") {
  const auto bytes = handshake_payload();
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const auto found = decode_server_handshake(std::string_view{bytes}.substr(0, n));
    REQUIRE_FALSE(found);
    CHECK(found.error().code == ec::bad_request);
  }
}

TEST_CASE("basp: a node of a kind we do not use is refused") {
  CHECK_FALSE(decode_server_handshake(written(atom_value("uri")) + std::string(100, '\1')));
}

TEST_CASE("basp: our handshake and monitor frames announce their payload") {
  const auto hello = client_handshake_frame(node);
  CHECK(decode_header(hello).op == operation::client_handshake);
  CHECK(decode_header(hello).payload_len == hello.size() - header_size);
  CHECK(hello.substr(header_size) == node);
  const auto peer = make_node(std::string(24, 'p'));
  const auto monitor = monitor_frame(node, peer, 9);
  CHECK(decode_header(monitor).op == operation::monitor_message);
  CHECK(decode_header(monitor).dest_actor == 9);
  CHECK(decode_header(monitor).payload_len == monitor.size() - header_size);
  CHECK(monitor.substr(header_size) == node + peer);
}

TEST_CASE("basp: a message is read as it was written") {
  const auto frame = message_frame(wire_name<get_vm>, get_vm{"box"}, 3, 1, 12);
  const auto head = decode_header(frame);
  CHECK(head.op == operation::direct_message);
  CHECK(head.payload_len == frame.size() - header_size);
  CHECK((head.operation_data & request_mask) == 3);
  CHECK((head.operation_data & response_flag) == 0);
  CHECK(head.source_actor == 1);
  CHECK(head.dest_actor == 12);
  const auto found = decode_message(std::string_view{frame}.substr(header_size));
  REQUIRE(found);
  CHECK(found->types == "banger::get_vm");
  CHECK(found->content == "\3box");
}

TEST_CASE("basp: a message of no values and one of two values are read") {
  const auto none = "\0"s + message_body("", "");
  REQUIRE(decode_message(none));
  CHECK(decode_message(none)->types.empty());
  const auto two = "\0"s + message_body("+a+b", "xy");
  REQUIRE(decode_message(two));
  CHECK(decode_message(two)->types == "a+b");
  CHECK(decode_message(two)->content == "xy");
}

TEST_CASE("basp: a message whose names are cut, foreign or forwarded is refused") {
  const auto bytes = "\0"s + message_body("+banger::done", "");
  for (std::size_t n = 0; n < bytes.size(); ++n)
    CHECK_FALSE(decode_message(std::string_view{bytes}.substr(0, n)));
  CHECK_FALSE(decode_message("\1"s + message_body("+a", "")));              // a forwarding stack
  CHECK_FALSE(decode_message("\0"s + written(std::uint16_t{4}, "@<>+a"s))); // a type by number
  CHECK_FALSE(decode_message("\0"s + written(std::uint16_t{0}, "banger::done"s)));
}

TEST_CASE("basp: our own error comes back whole") {
  const failure why{ec::busy, "start vm 'box'", "a stop runs", "wait", "op-1"};
  const auto found =
      decode_error(error_bytes(why.code, "banger", message_body("+banger::failure", written(why))));
  REQUIRE(found);
  CHECK(*found == why);
}

TEST_CASE("basp: an error of ours without a text still has its code") {
  const auto found = decode_error(error_bytes(ec::not_found, "banger", message_body("", "")));
  REQUIRE(found);
  CHECK(found->code == ec::not_found);
}

TEST_CASE("basp: errors of the actor system are translated") {
  struct {
    std::uint8_t code;
    ec expected;
  } const cases[] = {
      {1, ec::version_mismatch}, {3, ec::unreachable}, {4, ec::timed_out}, {99, ec::failed}};
  for (const auto& x : cases) {
    const auto found =
        decode_error(error_bytes(static_cast<ec>(x.code), "system", message_body("", "")));
    REQUIRE(found);
    CHECK(found->code == x.expected);
    CHECK_FALSE(found->what.empty());
  }
}

TEST_CASE("basp: an error that is cut anywhere is refused") {
  const failure why{ec::busy, "w", "y", "h", "o"};
  const auto bytes =
      error_bytes(why.code, "banger", message_body("+banger::failure", written(why)));
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const auto found = decode_error(std::string_view{bytes}.substr(0, n));
    REQUIRE_FALSE(found);
    CHECK(found.error().code == ec::bad_request);
  }
}

TEST_CASE("basp: any single wrong byte is survived") {
  const failure why{ec::busy, "w", "y", "h", "o"};
  const auto error =
      error_bytes(why.code, "banger", message_body("+banger::failure", written(why)));
  const auto message = "\0"s + message_body("+banger::done", "");
  const auto handshake = handshake_payload();
  for (auto bytes : {error, message, handshake})
    for (std::size_t i = 0; i < bytes.size(); ++i)
      for (char bad : {'\0', '\x7f', '\x80', '\xff'}) {
        auto broken = bytes;
        broken[i] = bad;
        (void)decode_error(broken);
        (void)decode_message(broken);
        (void)decode_server_handshake(broken);
      }
  CHECK(true); // to get here is all
}

TEST_CASE("basp: atoms have the numbers that CAF gives them") {
  CHECK(atom_value("none") == 0xFCF4CEA);
  CHECK(atom_value("default") == 0x3E9AAB9BAC79);
  CHECK(atom_value("") == 0xF);
}
