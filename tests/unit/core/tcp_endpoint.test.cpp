#include "core/tcp_endpoint.hpp"
#include "core/cert_names.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace banger;
using namespace banger::core;

TEST_CASE("tcp endpoint: names, IPv4, IPv6 in brackets") {
  CHECK(parse_tcp_endpoint("build.lan:7443") == tcp_endpoint{"build.lan", 7443});
  CHECK(parse_tcp_endpoint("192.0.2.1:1") == tcp_endpoint{"192.0.2.1", 1});
  CHECK(parse_tcp_endpoint("[2001:db8::1]:65535") == tcp_endpoint{"2001:db8::1", 65535});
  CHECK(parse_listen_endpoint("0.0.0.0:0") == tcp_endpoint{"0.0.0.0", 0});
  CHECK(parse_listen_endpoint("[::]:7443") == tcp_endpoint{"::", 7443});
}

TEST_CASE("tcp endpoint: what is none is refused, and says why") {
  for (const auto* text : {"",
                           ":",
                           "build.lan",
                           "build.lan:",
                           "build.lan:x",
                           "build.lan:0",
                           "build.lan:65536",
                           "build.lan:-1",
                           "build.lan:1 ",
                           ":7443",
                           "[]:1",
                           "::1:80",
                           "[192.0.2.1]:80",
                           "[::1]",
                           "[::1]x:80",
                           "192.0.2.256:80",
                           "-a:80",
                           "a..b:80",
                           "a b:80",
                           "*.lan:80"}) {
    CAPTURE(text);
    auto read = parse_tcp_endpoint(text);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == ec::bad_request);
    CHECK_FALSE(read.error().why.empty());
  }
  CHECK_FALSE(parse_tcp_endpoint(std::string{"::1\0]:1", 7}));
  CHECK_FALSE(parse_listen_endpoint("localhost:7443"));
  CHECK_FALSE(parse_listen_endpoint("192.0.2:7443"));
}

TEST_CASE("cert names: hosts are names of RFC 1123 or addresses, and nothing that OpenSSL parses") {
  for (const auto* good :
       {"a", "build.lan", "Build.LAN", "192.0.2.1", "::1", "2001:db8::1", "x1.y2"})
    CHECK_MESSAGE(check_cert_host(good), good);
  const auto longest = std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                       std::string(63, 'c') + "." + std::string(61, 'd');
  CHECK(check_cert_host(longest));
  for (const auto& bad :
       {std::string{}, std::string{"a.lan,DNS:b.lan"}, std::string{"*.lan"}, std::string{"a:b"},
        std::string{"a."}, std::string{".a"}, std::string{"a\nb"}, std::string{"192.0.2.300"},
        std::string{"1"}, std::string{"a/b"}, longest + "d", std::string{"a\0b", 3},
        std::string{"192.0.2.1\0", 10}, std::string(64, 'a')})
    CHECK_FALSE(check_cert_host(bad));
  CHECK(check_cert_name("ann-2"));
  for (const auto* bad : {"", "Ann", "../ann", "ann.pem", "ca.key", "-ann", "a b", ".lock"})
    CHECK_FALSE(check_cert_name(bad));
}
