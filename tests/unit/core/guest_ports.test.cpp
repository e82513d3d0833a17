#include "core/guest_ports.hpp"

#include <doctest/doctest.h>
#include <string>

using namespace banger::core;

TEST_CASE("guest_ports: what the agent prints") {
  CHECK(parse_guest_ports("")->empty());
  const auto found = parse_guest_ports(
      R"({"protocol":"tcp","address":"127.0.0.1","port":80,"pid":12,"process":"ng\"inx"})"
      "\n"
      R"({"protocol":"udp","address":"::","port":68,"pid":null,"process":null})"
      "\n");
  REQUIRE(found);
  REQUIRE(found->size() == 2);
  CHECK(found->front() == guest_port{"tcp", "127.0.0.1", 80, 12, "ng\"inx"});
  CHECK(found->back() == guest_port{"udp", "::", 68, 0, ""});
}

TEST_CASE("guest_ports: what no agent prints") {
  for (const std::string text :
       {"usage: banger-agent\n", "\n", "[]\n", "null", "{}", "{\"protocol\":\"tcp\"}",
        R"({"protocol":"sctp","address":"::","port":1,"pid":null,"process":null})",
        R"({"protocol":"tcp","address":"::","port":0,"pid":null,"process":null})",
        R"({"protocol":"tcp","address":"::","port":65536,"pid":null,"process":null})",
        R"({"protocol":"tcp","address":"::","port":"80","pid":null,"process":null})",
        R"({"protocol":"tcp","address":"::","port":80,"pid":-1,"process":null})",
        R"({"protocol":"tcp","address":"","port":80,"pid":1,"process":null})"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_guest_ports(text));
  }
}

TEST_CASE("guest_ports: ports of the system") {
  CHECK(is_system_port(22));
  CHECK(is_system_port(53));
  CHECK_FALSE(is_system_port(80));
  CHECK_FALSE(is_system_port(8080));
}
