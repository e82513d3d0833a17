#include "core/base64.hpp"

#include <doctest/doctest.h>

#include <array>
#include <utility>

using banger::core::base64_decode;
using banger::core::base64_encode;

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> rfc_4648_vectors = {{
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
}};

} // namespace

TEST_CASE("base64: the vectors of RFC 4648 hold in both directions") {
  for (const auto& [bytes, text] : rfc_4648_vectors) {
    CHECK(base64_encode(bytes) == text);
    CHECK(base64_decode(text) == std::string(bytes));
  }
}

TEST_CASE("base64: every byte value survives at every alignment") {
  for (std::size_t size = 250; size < 260; ++size) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i)
      bytes += static_cast<char>(255 - i % 256);
    CHECK(base64_decode(base64_encode(bytes)) == bytes);
  }
}

TEST_CASE("base64: white space is skipped wherever it is") {
  CHECK(base64_decode(" Zm\t9v\r\nYg\v= \f=\r") == "foob");
}

TEST_CASE("base64: text that is cut short, padded wrongly or foreign is refused") {
  for (const char* text : {"Z", "Zg", "Zg=", "Zm8", "Zg===", "Zm9v=", "=", "====", "Z===",
                           "Zg==Zg==", "Zg=a", "Zm9-", "Zm9_", "Zm9v!", "Zm\xc2\xa0"})
    CHECK_MESSAGE(!base64_decode(text), text);
  CHECK(!base64_decode(std::string_view("Zg==\0", 5)));
}

TEST_CASE("base64: bits that the padding cuts off must be zero") {
  CHECK(!base64_decode("Zh=="));
  CHECK(!base64_decode("Zm9="));
}
