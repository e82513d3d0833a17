#include "core/exit_code.hpp"

#include <doctest/doctest.h>

#include <set>
#include <utility>

using banger::ec;
using banger::core::exit_code;

namespace {

constexpr std::pair<ec, int> expected[] = {
    {ec::none, 0},
    {ec::failed, 1},
    {ec::bad_request, 2},
    {ec::not_found, 3},
    {ec::already_exists, 4},
    {ec::wrong_state, 4},
    {ec::busy, 4},
    {ec::timed_out, 7},
    {ec::cancelled, 130},
    {ec::unreachable, 5},
    {ec::version_mismatch, 5},
    {ec::host_key_mismatch, 6},
    {ec::host_key_revoked, 6},
    {ec::missing_program, 1},
    {ec::no_space, 1},
    {ec::unsafe_path, 1},
    {ec::hypervisor_failed, 1},
    {ec::guest_not_ready, 1},
    {ec::link_lost, 1},
    {ec::storage_failed, 1},
    {ec::image_failed, 1},
};

} // namespace

TEST_CASE("exit code: every error has the status that the manual promises") {
  for (const auto& [code, status] : expected)
    CHECK_MESSAGE(exit_code(code) == status, to_string(code));
}

TEST_CASE("exit code: the table names every error") {
  std::set<ec> named;
  for (const auto& x : expected)
    named.insert(x.first);
  for (unsigned i = 0; i < 256; ++i) {
    const auto code = static_cast<ec>(i);
    CHECK(named.contains(code) == !to_string(code).starts_with("ec("));
  }
}

TEST_CASE("exit code: an error from the future is a plain failure") {
  CHECK(exit_code(static_cast<ec>(200)) == 1);
}
