#include "core/bridge_network.hpp"
#include "core/guest_address.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace banger::core;

TEST_CASE("bridge network: a guest's number is the same on the loopback and on the bridge") {
  CHECK(bridged_address(0) == "10.77.0.2");
  CHECK(bridged_address(guest_address_count - 1) == "10.77.255.254");
  for (std::uint32_t i = 0; i < guest_address_count; i += 251)
    CHECK(bridged_address_index(bridged_address(i)) == i);
}

TEST_CASE("bridge network: the bridge's own address and junk are no guest's") {
  for (const char* text : {"", "10", "10.77.0.1", "10.77.0.0", "10.77.0.255", "10.78.0.2",
                           "127.77.0.2", "10.77.0.02", "10.77.0.2 ", "110.77.0.2", "10.77.256.2"})
    CHECK_MESSAGE(!bridged_address_index(text), text);
}

TEST_CASE("bridge network: a tap's name fits the kernel's 15 bytes and says its guest's number") {
  CHECK(tap_name(0) == "bgr-t0000");
  CHECK(tap_name(guest_address_count - 1) == "bgr-tfcff");
  CHECK(tap_index("bgr-tfcff") == guest_address_count - 1);
  for (const char* text : {"", "bgr-t", "bgr-t000", "bgr-t00000", "bgr-t00FF", "bgr-tfd00",
                           "bgr-tffff", "bgr-br0", "bgr-t-001", "xbgr-t0000", "bgr-t 001"})
    CHECK_MESSAGE(!tap_index(text), text);
}

TEST_CASE("bridge network: what a tap's alias says is read back, and nothing else is") {
  for (auto note : {tap_note{0, false}, tap_note{1000, true}, tap_note{4294967294U, true}})
    CHECK(tap_note_from(to_alias(note)) == note);
  for (const char* text : {"", "banger", "banger uid=", "banger uid=x", "banger uid=01",
                           "banger uid=1 ", "banger uid=1 nat nat", "banger uid=4294967296",
                           "banger uid=-1", "my tap", "banger uid=1nat"})
    CHECK_MESSAGE(!tap_note_from(text), text);
}

TEST_CASE("bridge network: the bridge's alias says whether forwarding is to go off again") {
  CHECK(was_forwarding_off(bridge_alias(true)));
  CHECK_FALSE(was_forwarding_off(bridge_alias(false)));
  CHECK_FALSE(was_forwarding_off(""));
}

TEST_CASE("bridge network: the firewall is replaced whole, and has the guests with NAT only") {
  auto none = firewall_commands({});
  CHECK(none.starts_with(firewall_removal()));
  CHECK(none.find("elements") == none.npos);
  auto two = firewall_commands({0, 253});
  CHECK(two.find("elements = { 10.77.0.2, 10.77.1.2 };") != two.npos);
  CHECK(two.find("masquerade") != two.npos);
}

TEST_CASE("bridge network: a name server that only the host reaches is passed over") {
  CHECK(reachable_name_server("nameserver 192.0.2.1\n") == "192.0.2.1");
  CHECK(reachable_name_server("# c\nsearch a b\nnameserver 127.0.0.53\nnameserver ::1\n"
                              "nameserver\t 192.0.2.2 \r\nnameserver 192.0.2.3") == "192.0.2.2");
  for (const char* text : {"", "nameserver", "nameserver ", "nameserver x", "nameserver127.0.0.1",
                           "nameserver 0.0.0.0", "nameserver 127.1.2.3", "#nameserver 192.0.2.1",
                           "nameserver 192.0.2.1x"})
    CHECK_MESSAGE(reachable_name_server(text).empty(), text);
}
