#include "core/cert_index.hpp"

#include <doctest/doctest.h>

using namespace banger;
using namespace banger::core;

namespace {

const std::string header = "# certificates of a banger authority, version 1\n";

std::string problem(const std::string& line) {
  auto read = parse_cert_index(header + line);
  REQUIRE_FALSE(read);
  CHECK(read.error().code == ec::storage_failed);
  return read.error().why;
}

} // namespace

TEST_CASE("cert index: what is written is read") {
  const std::vector<issued_cert> all{
      {"5a01", "build", cert_kind::host, 10, 20, 0, {"build.lan", "192.0.2.1", "2001:db8::1"}},
      {"5a02", "ann", cert_kind::client, 11, 21, 15, {}},
      {"5a03", "build", cert_kind::both, 12, 22, 0, {"build.lan"}}};
  auto read = parse_cert_index(format_cert_index(all));
  REQUIRE(read);
  CHECK(*read == all);
  CHECK(newest_of(*read, "build")->serial == "5a03");
  CHECK(newest_of(*read, "eve") == nullptr);
  CHECK(parse_cert_index("")->empty());
  CHECK(parse_cert_index(format_cert_index({}))->empty());
}

TEST_CASE("cert index: a damaged line is named, and none is skipped") {
  CHECK_FALSE(parse_cert_index("# certificates of version 2\n"));
  const std::string good = "5a\tann\tclient\t1\t2\t0\t\n";
  CHECK(parse_cert_index(header + good));
  CHECK(problem(good + "5a\tann\tclient\t1\t2\t0\t") == "line 3 is damaged"); // torn
  CHECK(problem("5a\tann\tclient\t1\t2\t0\n") == "line 2 is damaged");
  CHECK(problem("5A\tann\tclient\t1\t2\t0\t\n") == "line 2 is damaged");
  CHECK(problem("\tann\tclient\t1\t2\t0\t\n") == "line 2 is damaged");
  CHECK(problem("5a\tAnn\tclient\t1\t2\t0\t\n") == "line 2 is damaged");
  CHECK(problem("5a\tann\troot\t1\t2\t0\t\n") == "line 2 is damaged");
  CHECK(problem("5a\tann\tclient\t-1\t2\t0\t\n") == "line 2 is damaged");
  CHECK(problem("5a\tann\tclient\t1\tx\t0\t\n") == "line 2 is damaged");
  CHECK(problem("5a\tann\tclient\t1\t2\t0\ta.lan\n") == "line 2 is damaged"); // a client has none
  CHECK(problem("5a\tann\thost\t1\t2\t0\t\n") == "line 2 is damaged");        // and a host has
  CHECK(problem("5a\tann\thost\t1\t2\t0\ta.lan,\n") == "line 2 is damaged");
  CHECK(problem("\n") == "line 2 is damaged");
}

TEST_CASE("cert index: revoked counts before expired") {
  issued_cert x{"5a", "ann", cert_kind::client, 10, 20, 0, {}};
  CHECK(state_of(x, 20) == cert_state::valid);
  CHECK(state_of(x, 21) == cert_state::expired);
  x.revoked_at = 15;
  CHECK(state_of(x, 21) == cert_state::revoked);
  CHECK(state_of(x, 12) == cert_state::revoked);
}
