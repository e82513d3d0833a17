#include "core/deadlines.hpp"

#include <doctest/doctest.h>

using banger::core::deadlines;
using banger::core::milliseconds;

// What an operation does one after the other; each step has this long. The operation's own
// deadline must be longer, or it fires first and cannot say which step was slow.

namespace {

void check_all(const deadlines& x) {
  const auto margin = deadlines::margin;
  // image, address; row before and after; files
  CHECK(x.create() > x.quick + x.quick + x.storage + x.make_files + x.storage);
  // slot; image; boot archive; launch; handles; READY; connection; row
  CHECK(x.start() > x.start_slot + x.quick + x.storage + x.launch + x.storage + (x.boot + margin) +
                        (x.connect + margin) + x.storage);
  for (auto grace : {milliseconds{0}, x.grace, milliseconds{3'600'000}})
    CHECK(x.stop(grace) > grace + x.end_margin + x.storage + x.storage); // handles, row
  CHECK(x.set() > x.storage + x.storage + x.storage); // row, disk, and the row as it was
  CHECK(x.remove() > x.end_margin + x.remove_files + x.storage + x.storage + x.storage);
}

} // namespace

TEST_CASE("deadlines: an operation may take longer than all of its steps together") {
  check_all({});
}

TEST_CASE("deadlines: that holds for shrunk ones as well") {
  deadlines tiny;
  for (auto* x : {&tiny.storage, &tiny.make_files, &tiny.remove_files, &tiny.start_slot,
                  &tiny.launch, &tiny.boot, &tiny.connect, &tiny.grace, &tiny.end_margin})
    *x = milliseconds{1};
  tiny.quick = milliseconds{6'000}; // the margins of boot and connection are fixed
  check_all(tiny);
}

TEST_CASE("deadlines: a longer grace makes a longer stop, by as much") {
  const deadlines x;
  CHECK(x.stop(milliseconds{9'000}) - x.stop(milliseconds{0}) == milliseconds{9'000});
}

TEST_CASE("deadlines: an image build may take longer than anything else") {
  const deadlines x;
  CHECK(x.build > x.start());
  CHECK(x.build > x.create());
  CHECK(x.build > x.remove());
}
