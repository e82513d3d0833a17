#include "core/signal_name.hpp"

#include <doctest/doctest.h>

#include <csignal>

using banger::core::signal_number;

TEST_CASE("signal name: known without SIG, and only so") {
  CHECK(signal_number("TERM") == SIGTERM);
  CHECK(signal_number("KILL") == SIGKILL);
  CHECK(signal_number("USR2") == SIGUSR2);
  CHECK(signal_number("HUP") == 1);
  for (const char* none : {"", "SIGTERM", "term", "TERM ", "15", "NOSUCH"})
    CHECK_FALSE(signal_number(none));
}
