#include "core/bzimage.hpp"

#include <doctest/doctest.h>

using namespace banger;
using namespace banger::core;
using namespace std::string_literals;

namespace {

void put_u32(std::string& bytes, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i)
    bytes[at + i] = static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
}

/// A kernel image with two setup sectors and `payload` sixteen bytes behind them.
std::string image_with(const std::string& payload) {
  constexpr std::size_t base = 3 * 512, offset = 16;
  std::string bytes(base + offset, '\0');
  bytes[0x1F1] = 2;
  bytes.replace(0x202, 4, "HdrS");
  put_u32(bytes, 0x248, offset);
  put_u32(bytes, 0x24C, static_cast<std::uint32_t>(payload.size()));
  return bytes + payload + "behind it";
}

} // namespace

TEST_CASE("bzimage: the payload is found by its header, with the tool for its compression") {
  struct example {
    std::string magic;
    const char* tool;
  };
  for (const auto& [magic, tool] :
       {example{"\x02\x21\x4C\x18"s, "lz4"}, example{"\x28\xB5\x2F\xFD"s, "zstd"}}) {
    auto image = image_with(magic + "kernel" + "SIZE");
    auto found = find_kernel_payload(image);
    REQUIRE(found);
    CHECK(found->decompressor == tool);
    CHECK(found->bytes == magic + "kernel"); // the size at its end would be garbage to the tool
  }
}

TEST_CASE("bzimage: xz and gzip keep their last four bytes") {
  auto xz = image_with("\xFD"
                       "7zXZ\0kernelSIZE"s);
  auto found = find_kernel_payload(xz);
  REQUIRE(found);
  CHECK(found->decompressor == "xz");
  CHECK(found->bytes.ends_with("kernelSIZE"));
  auto gzip = image_with("\x1F\x8B\x08kernelSIZE"s);
  found = find_kernel_payload(gzip);
  REQUIRE(found);
  CHECK(found->decompressor == "gzip");
}

TEST_CASE("bzimage: a zero count of setup sectors means four") {
  auto image = image_with("\x1F\x8B\x08kernelSIZE"s);
  image.insert(3 * 512, 2 * 512, '\0');
  image[0x1F1] = 0;
  CHECK(find_kernel_payload(image));
}

TEST_CASE("bzimage: what is no kernel, or points outside of itself, is refused") {
  CHECK(!find_kernel_payload(""));
  CHECK(!find_kernel_payload(std::string(4096, '\0')));
  auto image = image_with("\x1F\x8B\x08kernelSIZE"s);
  CHECK(!find_kernel_payload(image.substr(0, 1000)));
  auto far = image;
  put_u32(far, 0x248, 0xFFFFFFF0);
  CHECK(!find_kernel_payload(far));
  auto large = image;
  put_u32(large, 0x24C, 0xFFFFFFF0);
  CHECK(!find_kernel_payload(large));
  auto unknown = find_kernel_payload(image_with("unknown compression"));
  REQUIRE(!unknown);
  CHECK(unknown.error().code == ec::bad_request);
}

TEST_CASE("bzimage: an image that is cut anywhere before its payload's end is refused") {
  auto image = image_with("\x1F\x8B\x08kernelSIZE"s);
  auto payload_end = image.size() - std::string_view{"behind it"}.size();
  for (std::size_t size = 0; size < payload_end; ++size) {
    CAPTURE(size);
    REQUIRE(!find_kernel_payload(image.substr(0, size)));
  }
  CHECK(find_kernel_payload(image.substr(0, payload_end)));
}
