#include "core/forward_rule.hpp"

#include <doctest/doctest.h>

using banger::ec;
using banger::core::forward_rule;
using banger::core::parse_forward_rule;

TEST_CASE("forward rule: an address, a port and a guest port are read") {
  auto rule = parse_forward_rule("127.77.0.9:2222=22");
  REQUIRE(rule);
  CHECK(*rule == forward_rule{"127.77.0.9", 2222, 22});
}

TEST_CASE("forward rule: the lowest and the highest port are ports") {
  CHECK(parse_forward_rule("0.0.0.0:1=65535") == forward_rule{"0.0.0.0", 1, 65535});
  CHECK(parse_forward_rule("255.255.255.255:65535=1") == forward_rule{"255.255.255.255", 65535, 1});
}

TEST_CASE("forward rule: what is written is what is read") {
  forward_rule rule{"127.77.0.9", 2222, 22};
  CHECK(to_string(rule) == "127.77.0.9:2222=22");
  CHECK(parse_forward_rule(to_string(rule)) == rule);
}

TEST_CASE("forward rule: anything else is a bad request") {
  for (const char* text : {
           "",
           ":",
           "=",
           ":=",
           "127.0.0.1",
           "127.0.0.1:22",
           "127.0.0.1=22",
           "127.0.0.1=22:22",
           ":2222=22",             // no address
           "127.0.0.1:=22",        // no port
           "127.0.0.1:2222=",      // no guest port
           "127.0.0.1:0=22",       // port 0 is "any"
           "127.0.0.1:2222=0",     //
           "127.0.0.1:65536=22",   //
           "127.0.0.1:2222=65536", //
           "127.0.0.1:-1=22",      //
           "127.0.0.1:+1=22",      //
           "127.0.0.1: 1=22",      //
           "127.0.0.1:22x=22",     //
           "127.0.0.1:2222=22 ",   //
           "127.0.0.1:2222=22=22", //
           "127.0.0.1:22:22=22",   //
           "127.0.0:2222=22",      //
           "127.0.0.1.1:2222=22",  //
           "127.0.0.256:2222=22",  //
           "localhost:2222=22",    // names are for the daemon to look up
           "[::1]:2222=22",        //
       }) {
    CAPTURE(text);
    auto rule = parse_forward_rule(text);
    REQUIRE_FALSE(rule);
    CHECK(rule.error().code == ec::bad_request);
  }
}

TEST_CASE("forward rule: an address that inet_pton would not take never gets to libslirp") {
  // There it would become 0.0.0.0, and the forward would be open to the network.
  CHECK_FALSE(parse_forward_rule("127.077.0.9:2222=22"));
  CHECK_FALSE(parse_forward_rule(std::string_view{"127.0.0.1\0:2222=22", 18}));
}

TEST_CASE("forward rule: the failure says which rule and which part of it") {
  auto rule = parse_forward_rule("127.77.0.9:2222=ssh");
  REQUIRE_FALSE(rule);
  CHECK(rule.error().what.find("127.77.0.9:2222=ssh") != std::string::npos);
  CHECK(rule.error().why.find("guest port") != std::string::npos);
}
