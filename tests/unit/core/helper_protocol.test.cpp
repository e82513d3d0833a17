#include "core/helper_protocol.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace banger;
using core::helper_op;

namespace {

core::helper_request sample_request() {
  return {0x01020304, helper_op::attach_disk, true, 253, "0123456789ab"};
}

core::helper_reply sample_reply() {
  core::helper_reply x;
  x.number = 7;
  x.op = helper_op::describe;
  x.why = {ec::busy, "what", "why", "hint"};
  x.name = "bgr-t0001";
  x.disk = {true, 1ULL << 40, 2};
  x.counts = {3, 2, 1, true, true};
  return x;
}

} // namespace

TEST_CASE("helper protocol: a request's bytes are the agreed ones") {
  const std::string wanted{"BGRH\x01\0\x05\x01\x04\x03\x02\x01\xFD\0\0\0"
                           "0123456789ab\0\0\0\0",
                           32};
  CHECK(core::encode(sample_request()) == wanted);
}

TEST_CASE("helper protocol: what was encoded is decoded") {
  CHECK(core::decode_helper_request(core::encode(sample_request())) == sample_request());
  core::helper_request hello;
  CHECK(core::decode_helper_request(core::encode(hello)) == hello);
  auto bytes = core::encode(sample_reply());
  CHECK(bytes.size() == core::helper_reply_size);
  CHECK(core::decode_helper_reply(bytes) == sample_reply());
}

TEST_CASE("helper protocol: a reply's texts are cut, never its size") {
  auto x = sample_reply();
  x.why.what = x.why.why = x.why.hint = x.name = std::string(1000, 'x');
  auto bytes = core::encode(x);
  CHECK(bytes.size() == core::helper_reply_size);
  auto read = core::decode_helper_reply(bytes);
  REQUIRE(read);
  CHECK(read->why.why == std::string(127, 'x'));
  CHECK(read->name == std::string(31, 'x'));
}

TEST_CASE("helper protocol: every other size is refused") {
  auto request = core::encode(sample_request());
  auto reply = core::encode(sample_reply());
  for (std::size_t n = 0; n < request.size(); ++n)
    CHECK(!core::decode_helper_request(request.substr(0, n)));
  CHECK(!core::decode_helper_request(request + '\0'));
  for (std::size_t n = 0; n < reply.size(); ++n)
    CHECK(!core::decode_helper_reply(reply.substr(0, n)));
}

TEST_CASE("helper protocol: another version is told apart from damage, whatever its size") {
  auto bytes = core::encode(sample_request());
  bytes[4] = 2;
  CHECK(core::decode_helper_request(bytes).error().code == ec::version_mismatch);
  CHECK(core::decode_helper_request(bytes + "more").error().code == ec::version_mismatch);
  bytes[0] = 'x';
  CHECK(core::decode_helper_request(bytes).error().code == ec::bad_request);
}

TEST_CASE("helper protocol: values that no VM has are refused") {
  auto good = sample_request();
  auto with = [&](std::size_t at, char value) {
    auto bytes = core::encode(good);
    bytes[at] = value;
    return core::decode_helper_request(bytes);
  };
  CHECK(!with(6, 0));    // no operation
  CHECK(!with(6, 11));   // one of the future
  CHECK(!with(7, 2));    // an unknown flag
  CHECK(!with(14, 1));   // an address beyond the last
  CHECK(!with(16, '/')); // no hex digit: a name of somebody else's device
  CHECK(!with(27, '\0'));
  CHECK(!with(31, 1)); // padding
  good = {1, helper_op::attach_tap, false, 0, {}};
  CHECK(with(7, 0));
  CHECK(!with(16, 'a')); // a VM, where the operation has none
}

TEST_CASE("helper protocol: only a good answer to an attach has a descriptor") {
  CHECK(core::descriptors_to(helper_op::attach_disk) == 2);
  CHECK(core::descriptors_to(helper_op::attach_tap) == 0);
  CHECK(core::descriptors_from(helper_op::attach_tap) == 1);
  CHECK(core::descriptors_from(helper_op::attach_disk) == 1);
  CHECK(core::descriptors_from(helper_op::describe) == 0);
  CHECK(core::descriptors_to(helper_op::lend_tap) == 0);
  CHECK(core::descriptors_from(helper_op::lend_tap) == 0); // it is opened by its name
  CHECK(core::descriptors_to(helper_op::lend_disk) == 2);
  CHECK(core::descriptors_from(helper_op::lend_disk) == 1);
}
