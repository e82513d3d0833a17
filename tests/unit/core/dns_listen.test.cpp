#include "core/dns_listen.hpp"

#include <doctest/doctest.h>

using namespace banger;
using namespace banger::core;

TEST_CASE("dns listen: a loopback address and a port") {
  CHECK(parse_dns_listen("127.0.0.1:53").value() == dns_endpoint{"127.0.0.1", 53});
  CHECK(parse_dns_listen("127.77.0.1:5300").value() == dns_endpoint{});
  CHECK(parse_dns_listen("[::1]:65535").value() == dns_endpoint{"::1", 65'535});
}

TEST_CASE("dns listen: nothing that others could reach, and nothing without a port") {
  for (const char* text :
       {"", "5300", ":5300", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536",
        "127.0.0.1:53x", "0.0.0.0:5300", "192.0.2.1:5300", "[::]:5300", "::1:5300",
        "[127.0.0.1]:53", "localhost:5300", "127.0.0.1 :53"}) {
    const auto refused = parse_dns_listen(text);
    REQUIRE_MESSAGE(!refused, text);
    CHECK(refused.error().code == ec::bad_request);
    CHECK_FALSE(refused.error().hint.empty());
  }
}
