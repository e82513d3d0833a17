// What /proc/net says, line by line.
#include "guest/port_list.h"

#include <cstring>
#include <doctest/doctest.h>
#include <initializer_list>

namespace {

constexpr const char* listens =
    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 "
    "12345 1 0000000000000000 100 0 0 10 0";
constexpr const char* listens_ipv6 =
    "   1: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A "
    "00000000:00000000 00:00000000 00000000     0        0 77 1 0000000000000000 100 0 0 10 0";
constexpr const char* heading =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when "
    "retrnsmt   uid  timeout inode";

} // namespace

TEST_CASE("port_list: a socket that listens") {
  port_entry entry{};
  REQUIRE(port_list_parse(listens, false, false, &entry));
  CHECK(entry.port == 8080);
  CHECK(entry.inode == 12345);
  const unsigned char loopback[4] = {127, 0, 0, 1};
  CHECK(std::memcmp(entry.address, loopback, 4) == 0);
  CHECK(entry.pid == 0);
}

TEST_CASE("port_list: IPv6") {
  port_entry entry{};
  REQUIRE(port_list_parse(listens_ipv6, false, true, &entry));
  CHECK(entry.port == 22);
  CHECK(entry.inode == 77);
  unsigned char loopback[16] = {};
  loopback[15] = 1;
  CHECK(std::memcmp(entry.address, loopback, 16) == 0);
  CHECK_FALSE(port_list_parse(listens_ipv6, false, false, &entry));
  CHECK_FALSE(port_list_parse(listens, false, true, &entry));
}

TEST_CASE("port_list: UDP has no state of listening, but one of not being connected") {
  port_entry entry{};
  const char* line = "  99: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000  "
                     "   0        0 555 2 0000000000000000 0";
  REQUIRE(port_list_parse(line, true, false, &entry));
  CHECK(entry.port == 68);
  CHECK(entry.is_udp);
  CHECK_FALSE(port_list_parse(line, false, false, &entry));
  CHECK_FALSE(port_list_parse(listens, true, false, &entry));
}

TEST_CASE("port_list: what is none") {
  port_entry entry{};
  const char* connection = "   2: 0100007F:1F90 0100007F:CAFE 01 00000000:00000000 00:00000000 "
                           "00000000  1000        0 9 1 0000000000000000 20 4 30 10 -1";
  for (const auto* line : {connection, heading, "", "\n", "0:", "   0: 0100007F:1F90",
                           "   0: 01zz007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 "
                           "00000000 0 0 1 1"})
    CHECK_FALSE(port_list_parse(line, false, false, &entry));
}
