#include "core/forward_spec.hpp"

#include <doctest/doctest.h>
#include <string>

using namespace banger;
using namespace banger::core;

TEST_CASE("forward_spec: what is asked for") {
  struct {
    const char* text;
    forward_spec wanted;
  } const cases[] = {
      {"8080", {"", 8080, 8080}},
      {"8080:80", {"", 8080, 80}},
      {"0:80", {"", 0, 80}},
      {"1:65535", {"", 1, 65535}},
      {"127.0.0.1:8080:80", {"127.0.0.1", 8080, 80}},
      {"0.0.0.0:0:80", {"0.0.0.0", 0, 80}},
      {"[::1]:8080:80", {"::1", 8080, 80}},
      {"[fe80::1]:8080:80", {"fe80::1", 8080, 80}},
  };
  for (const auto& x : cases) {
    CAPTURE(std::string{x.text});
    const auto spec = parse_forward_spec(x.text);
    REQUIRE(spec);
    CHECK(*spec == x.wanted);
  }
}

TEST_CASE("forward_spec: what is none is refused, saying why") {
  for (const std::string text : {"",
                                 ":",
                                 "0",
                                 "x",
                                 "-1",
                                 "+1",
                                 "65536",
                                 "8080:",
                                 ":80",
                                 "8080:0",
                                 "8080:x",
                                 "65536:80",
                                 " 80",
                                 "80 ",
                                 "1:2:3:4",
                                 "host:8080:80",
                                 "1.2.3:8080:80",
                                 "::1:8080:80",
                                 "[::1]8080:80",
                                 "[::1]:80",
                                 "[127.0.0.1]:8080:80",
                                 "[]:1:2",
                                 "127.0.0.1:8080:",
                                 "127.0.0.1::80",
                                 "::80"}) {
    CAPTURE(text);
    const auto spec = parse_forward_spec(text);
    REQUIRE_FALSE(spec);
    CHECK(spec.error().code == ec::bad_request);
    CHECK_FALSE(spec.error().why.empty());
    CHECK_FALSE(spec.error().hint.empty());
  }
  CHECK_FALSE(parse_forward_spec(std::string_view{"127.0.0.1\0:1:2", 14}));
}

TEST_CASE("forward_spec: which addresses stay on the host") {
  for (const auto* address : {"", "127.0.0.1", "127.7.7.7", "::1"})
    CHECK(is_loopback(address));
  for (const auto* address : {"0.0.0.0", "::", "192.0.2.1", "128.0.0.1", "fe80::1"})
    CHECK_FALSE(is_loopback(address));
}

TEST_CASE("forward_spec: how an end of a connection is written") {
  CHECK(endpoint_text("127.0.0.1", 80) == "127.0.0.1:80");
  CHECK(endpoint_text("::1", 80) == "[::1]:80");
}
