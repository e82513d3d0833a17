#include "core/sha1.hpp"
#include "core/sha256.hpp"

#include <doctest/doctest.h>

namespace {

std::string hex(std::string_view bytes) {
  std::string out;
  for (char c : bytes) {
    const auto value = static_cast<unsigned char>(c);
    out += "0123456789abcdef"[value >> 4];
    out += "0123456789abcdef"[value & 15];
  }
  return out;
}

constexpr std::string_view two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

} // namespace

using banger::core::hmac_sha1;
using banger::core::sha1;
using banger::core::sha256;

TEST_CASE("sha1: the examples of FIPS 180 hold") {
  CHECK(hex(sha1("")) == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  CHECK(hex(sha1("abc")) == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(hex(sha1(two_blocks)) == "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  CHECK(hex(sha1(std::string(1000000, 'a'))) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST_CASE("sha256: the examples of FIPS 180 hold") {
  CHECK(hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex(sha256(two_blocks)) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(hex(sha256(std::string(1000000, 'a'))) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("sha: every size around a block's end is padded into the right number of blocks") {
  // Chained, so that one wrong digest changes the last: computed with Python's hashlib.
  std::string chain1;
  std::string chain256;
  for (std::size_t size = 0; size <= 130; ++size) {
    chain1 = sha1(chain1 + std::string(size, 'x'));
    chain256 = sha256(chain256 + std::string(size, 'x'));
  }
  CHECK(hex(chain1) == "d820dad627995bcd4c326096f99f5b889c96d0de");
  CHECK(hex(chain256) == "3fb3b8c6f149d82c5b550285989c507ab8dc43f0ef86e51b217fff12dd1bebba");
}

TEST_CASE("hmac_sha1: the test cases of RFC 2202 hold, long keys too") {
  CHECK(hex(hmac_sha1(std::string(20, '\x0b'), "Hi There")) ==
        "b617318655057264e28bc0b6fb378c8ef146be00");
  CHECK(hex(hmac_sha1("Jefe", "what do ya want for nothing?")) ==
        "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  CHECK(hex(hmac_sha1(std::string(20, '\xaa'), std::string(50, '\xdd'))) ==
        "125d7342b9ac11cd91a39af48aa17b4f63f175d3");
  CHECK(hex(hmac_sha1(std::string(80, '\xaa'),
                      "Test Using Larger Than Block-Size Key - Hash Key First")) ==
        "aa4ae5e15272d00e95705637ce8a3b55ed402112");
}
