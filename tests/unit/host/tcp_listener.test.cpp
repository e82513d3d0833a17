#include "host/tcp_listener.hpp"

#include <doctest/doctest.h>

using namespace banger;
using namespace banger::host;

TEST_CASE("tcp_listener: a free port is found, and told") {
  const auto made = listen_loopback(0);
  REQUIRE(made);
  CHECK(made->address == "127.0.0.1");
  CHECK(made->port != 0);
  CHECK_FALSE(made->sockets.empty());
}

TEST_CASE("tcp_listener: a port in use is refused, in both families") {
  const auto made = listen_loopback(0);
  REQUIRE(made);
  const auto again = listen_loopback(made->port);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == ec::already_exists);
  if (const auto only_ipv6 = listen_tcp("::1", 0)) {
    const auto other = listen_loopback(only_ipv6->port);
    REQUIRE_FALSE(other);
    CHECK(other.error().code == ec::already_exists);
    CHECK(listen_tcp("127.0.0.1", only_ipv6->port)); // nothing of what failed is left over
  }
}

TEST_CASE("tcp_listener: an address of another host") {
  const auto made = listen_tcp("192.0.2.1", 0); // RFC 5737: of nobody
  REQUIRE_FALSE(made);
  CHECK(made.error().code == ec::bad_request);
  CHECK_FALSE(listen_tcp("nonsense", 0));
}
