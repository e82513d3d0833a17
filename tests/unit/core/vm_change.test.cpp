#include "core/vm_change.hpp"

#include <doctest/doctest.h>

using namespace banger;
using namespace banger::core;

namespace {

vm_record box() {
  vm_record x;
  x.name = "box";
  x.vcpu_count = 1;
  x.memory_mib = 512;
  x.disk_mib = 8192;
  return x;
}

set_vm sizes(std::uint32_t vcpus, std::uint32_t memory, std::uint32_t disk) {
  set_vm x;
  x.vcpu_count = vcpus;
  x.memory_mib = memory;
  x.disk_mib = disk;
  return x;
}

} // namespace

TEST_CASE("vm change: what is given changes, what is 0 stays") {
  auto expected = box();
  expected.memory_mib = 1024;
  CHECK(with_change(box(), sizes(0, 1024, 0)).value() == expected);
  expected.vcpu_count = 4;
  expected.disk_mib = 16'384;
  CHECK(with_change(box(), sizes(4, 1024, 16'384)).value() == expected);
}

TEST_CASE("vm change: NAT is switched where there is a tap, and refused where there is none") {
  auto wanted = sizes(0, 0, 0);
  wanted.nat = nat_change::off;
  const auto refused = with_change(box(), wanted);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ec::bad_request);
  auto tapped = box();
  tapped.network = network_kind::tap;
  const auto without = with_change(tapped, wanted);
  REQUIRE(without);
  CHECK_FALSE(without->has_nat);
  CHECK(describe_change(tapped, *without) == "nat on -> off");
  wanted.nat = nat_change::on;
  CHECK(with_change(*without, wanted).value() == tapped);
}

TEST_CASE("vm change: a disk never becomes smaller, and may stay as it is") {
  const auto smaller = with_change(box(), sizes(0, 0, 8191));
  REQUIRE_FALSE(smaller);
  CHECK(smaller.error().code == ec::bad_request);
  CHECK(smaller.error().why == "its disk has 8 GiB and cannot become smaller");
  CHECK(smaller.error().hint.find("banger vm cp") != std::string::npos);
  CHECK(with_change(box(), sizes(0, 0, 8192)).value() == box());
}

TEST_CASE("vm change: sizes have the range that a new VM has") {
  for (const auto& wanted : {sizes(1000, 0, 0), sizes(0, 1, 0), sizes(0, 0, UINT32_MAX)}) {
    const auto refused = with_change(box(), wanted);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ec::bad_request);
  }
  CHECK(with_change(box(), sizes(0, 0, 0)).error().code == ec::bad_request);
}

TEST_CASE("vm change: it is told in words") {
  CHECK(describe_change(box(), with_change(box(), sizes(2, 1024, 0)).value()) ==
        "vcpu 1 -> 2, memory 512 MiB -> 1 GiB");
  CHECK(describe_change(box(), with_change(box(), sizes(0, 0, 16'384)).value()) ==
        "disk 8 GiB -> 16 GiB");
  CHECK(describe_change(box(), box()).empty());
}
