#include "core/tls_relay_plan.hpp"
#include "core/line_budget.hpp"

#include <doctest/doctest.h>

using namespace banger;
using namespace banger::core;
using namespace std::chrono_literals;

TEST_CASE("tls relay: its arguments, and where it says that it listens") {
  CHECK(tls_relay_arguments("/x/banger-tls", {{"::", 7443}, "/c"}, "/s", 42) ==
        std::vector<std::string>{"/x/banger-tls", "listen", "--address", "[::]:7443", "--certs",
                                 "/c", "--socket", "/s", "--parent", "42"});
  CHECK(parse_listening("listening [::]:7443") == "[::]:7443");
  CHECK(parse_listening("listening").empty());
  CHECK(parse_listening("banger-tls: listening x").empty());
}

TEST_CASE("tls relay: pauses grow to a minute, and no further") {
  CHECK(tls_relay_pause(0) == 100ms);
  CHECK(tls_relay_pause(1) == 100ms);
  CHECK(tls_relay_pause(2) == 200ms);
  CHECK(tls_relay_pause(10) == 51'200ms);
  CHECK(tls_relay_pause(11) == 60'000ms);
  CHECK(tls_relay_pause(UINT32_MAX) == 60'000ms);
}

TEST_CASE("line budget: so many a second, and a count of the others") {
  line_budget x{2};
  CHECK(x.take(5'000));
  CHECK(x.take(5'100));
  CHECK(x.due_ms() == -1);
  CHECK_FALSE(x.take(5'200));
  CHECK_FALSE(x.take(5'999));
  CHECK(x.due_ms() == 6'000);
  CHECK(x.settle(5'999) == 0); // there may be more of them
  CHECK(x.settle(6'000) == 2);
  CHECK(x.settle(6'000) == 0);
  CHECK(x.take(6'000));
  CHECK(x.take(6'001));
  CHECK_FALSE(x.take(6'002));
}
