#include "core/signal_name.hpp"

#include <doctest/doctest.h>

#include <csignal>

using banger::core::parse_signal;
using banger::core::signal_number;

TEST_CASE("signal name: known without SIG, and only so") {
  CHECK(signal_number("TERM") == SIGTERM);
  CHECK(signal_number("KILL") == SIGKILL);
  CHECK(signal_number("USR2") == SIGUSR2);
  CHECK(signal_number("HUP") == 1);
  for (const char* none : {"", "SIGTERM", "term", "TERM ", "15", "NOSUCH"})
    CHECK_FALSE(signal_number(none));
}

TEST_CASE("signal_name: as a user writes it") {
  CHECK(parse_signal("TERM") == SIGTERM);
  CHECK(parse_signal("SIGTERM") == SIGTERM);
  CHECK(parse_signal("15") == SIGTERM);
  for (const auto* text : {"", "SIG", "term", "0", "32", "015", "15 ", "SIGSIGTERM"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_signal(text));
  }
}
