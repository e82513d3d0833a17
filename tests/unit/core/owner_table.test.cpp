#include "core/owner_table.hpp"

#include <doctest/doctest.h>

using namespace banger;
using namespace banger::core;

namespace {

struct leases {
  static constexpr std::uint64_t first = 1'000'000'000;
  owner_table table{"boot", first, {}};

  result<owner_record> renew(std::uint64_t token, std::int64_t now_ms,
                             std::uint32_t ttl_ms = 10'000, std::uint64_t stamp = 0) {
    auto x = table.renewed({"fleet", token, ttl_ms, stamp}, now_ms);
    if (x)
      table.put(*x);
    return x;
  }
};

} // namespace

TEST_CASE_FIXTURE(leases,
                  "owner_table: a lease lives until it ends, and longer where it is renewed") {
  CHECK_FALSE(table.is_live("fleet", 0));
  CHECK_FALSE(table.next_end(0));
  REQUIRE(renew(7, 1'000));
  CHECK(table.is_live("fleet", 10'999));
  CHECK_FALSE(table.is_live("fleet", 11'000));
  CHECK(table.next_end(1'000) == 11'000);
  CHECK_FALSE(table.next_end(11'000));
  REQUIRE(renew(7, 9'000));
  CHECK(table.is_live("fleet", 18'999));
  CHECK(table.live_count(18'999) == 1);
}

TEST_CASE_FIXTURE(leases,
                  "owner_table: whoever was replaced is kept out, also after the lease's end") {
  REQUIRE(renew(7, 0));
  REQUIRE(renew(8, 1));
  const auto old = renew(7, 2);
  REQUIRE_FALSE(old);
  CHECK(old.error().code == ec::wrong_state);
  CHECK_FALSE(renew(7, 1'000'000));
  CHECK(table.check({"fleet", true, true, 8}, 2));
  CHECK(table.check({"fleet", true, false, 0}, 2));
  CHECK_FALSE(table.check({"other", true, false, 0}, 2));
  CHECK(table.check({"fleet", true, true, 7}, 2).error().code == ec::wrong_state);
  CHECK(table.check({"fleet", true, true, 9}, 2).error().code == ec::wrong_state);
  CHECK(table.check({"fleet", true, true, 8}, 1'000'000).error().code == ec::wrong_state);
  CHECK(table.check({"fleet", false, true, 8}, 1'000'000)); // to be deleted
  CHECK(table.check({"fleet", false, true, 7}, 1'000'000).error().code == ec::wrong_state);
  CHECK(table.check({"other", true, true, 8}, 2).error().code == ec::wrong_state);
}

TEST_CASE_FIXTURE(leases, "owner_table: a lease counts from the stamp that its renewal has") {
  const auto stamp = table.stamp(1'000);
  REQUIRE(renew(7, 4'000, 10'000, stamp));
  CHECK(table.left_ms("fleet", 4'000) == 7'000);
  CHECK_FALSE(table.is_live("fleet", 11'000));
}

TEST_CASE_FIXTURE(leases,
                  "owner_table: a stamp that is old, or nobody's, leaves a lease as it is") {
  const auto later = table.stamp(90'000), old = table.stamp(0);
  for (const auto stamp : {no_stamp_yet, old, later, UINT64_MAX}) {
    CAPTURE(stamp);
    REQUIRE(renew(7, 20'000, 10'000, stamp));
    CHECK(table.left_ms("fleet", 20'000) == 0);
  }
  REQUIRE(renew(7, 20'000));
  for (const auto stamp : {no_stamp_yet, old, later, table.stamp(15'000)}) {
    CAPTURE(stamp);
    REQUIRE(renew(7, 21'000, 10'000, stamp));
    CHECK(table.left_ms("fleet", 21'000) == 9'000);
  }
  REQUIRE(renew(8, 22'000, 10'000, no_stamp_yet)); // its token counts all the same
  CHECK_FALSE(renew(7, 23'000));
}

TEST_CASE("owner_table: what was saved goes on in the same boot, and fences in the next") {
  const owner_record saved{"fleet", 7, 10'000, "boot", 11'000};
  const owner_table same{"boot", leases::first, {saved}};
  CHECK(same.is_live("fleet", 10'999));
  const owner_table next{"another", leases::first, {saved}};
  CHECK_FALSE(next.is_live("fleet", 5));
  CHECK_FALSE(next.renewed({"fleet", 6, 10'000}, 5));
  const auto again = next.renewed({"fleet", 7, 10'000}, 5);
  REQUIRE(again);
  CHECK(*again == owner_record{"fleet", 7, 10'000, "another", 10'005});
}

TEST_CASE_FIXTURE(leases, "owner_table: bad requests") {
  for (const auto& x : {renew_owner{"", 1, 10'000}, renew_owner{"A b", 1, 10'000},
                        renew_owner{"fleet", 1, 999}, renew_owner{"fleet", 1, 3'600'001}}) {
    CAPTURE(x.owner);
    const auto refused = table.renewed(x, 0);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ec::bad_request);
  }
}
