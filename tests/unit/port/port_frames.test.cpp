// The frames of a data port.
#include "guest/port_frames.h"

#include <cstring>
#include <doctest/doctest.h>
#include <string>

namespace {

const unsigned char* bytes_of(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string frame_of(std::uint8_t type, std::uint32_t stream, const std::string& payload) {
  std::string out(PORT_OVERHEAD + payload.size(), '\0');
  const auto size = port_put(reinterpret_cast<unsigned char*>(out.data()), type, stream,
                             payload.data(), static_cast<std::uint32_t>(payload.size()));
  CHECK(size == out.size());
  return out;
}

enum port_next next_of(const std::string& bytes, port_frame& frame) {
  return port_next(bytes_of(bytes), bytes.size(), &frame);
}

} // namespace

TEST_CASE("port_frames: a frame is read as it was written") {
  for (auto size : {std::size_t{0}, std::size_t{1}, std::size_t{PORT_DATA_MAX}})
    for (std::uint32_t stream : {0U, 1U, 0xFFFFFFFFU})
      for (auto type = static_cast<std::uint8_t>(port_reset); type <= port_gone; ++type) {
        const std::string payload(size, static_cast<char>(0xBA));
        const auto bytes = frame_of(type, stream, payload) + "more";
        port_frame frame{};
        REQUIRE(next_of(bytes, frame) == port_next_frame);
        CHECK(frame.type == type);
        CHECK(frame.stream == stream);
        REQUIRE(frame.size == size);
        CHECK(std::memcmp(frame.payload, payload.data(), size) == 0);
      }
}

TEST_CASE("port_frames: a frame that is cut anywhere is none yet") {
  const auto bytes = frame_of(port_data, 7, "hello");
  port_frame frame{};
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK(next_of(bytes.substr(0, size), frame) == port_next_partial);
}

TEST_CASE(
    "port_frames: a frame that is cut anywhere and filled up by another is bad, never taken") {
  const std::string payload(200, 'x');
  const auto bytes = frame_of(port_data, 7, payload);
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    CAPTURE(size);
    const auto filled = bytes.substr(0, size) + std::string(PORT_PADDING, '\0');
    port_frame frame{};
    CHECK(next_of(filled, frame) == port_next_bad);
  }
}

TEST_CASE("port_frames: the padding in front of a reset ends the longest frame there can be") {
  auto bytes = frame_of(port_data, 7, std::string(PORT_DATA_MAX, 'x'));
  bytes.resize(PORT_HEADER_SIZE);
  bytes += std::string(PORT_PADDING, '\0') + frame_of(port_reset, 0, "nonce");
  port_frame frame{};
  REQUIRE(next_of(bytes, frame) == port_next_bad);
  const auto at = port_scan(bytes_of(bytes) + 1, bytes.size() - 1, port_reset) + 1;
  CHECK(next_of(bytes.substr(at), frame) == port_next_frame);
  CHECK(frame.type == port_reset);
}

TEST_CASE("port_frames: one wrong byte anywhere but in the payload is seen") {
  const auto good = frame_of(port_data, 7, "hello");
  for (std::size_t at = 0; at < good.size(); ++at) {
    if (at >= PORT_HEADER_SIZE && at < PORT_HEADER_SIZE + 5)
      continue;
    CAPTURE(at);
    auto bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
    bytes += std::string(PORT_PADDING, '\0'); // whatever size it claims now
    port_frame frame{};
    const auto next = next_of(bytes, frame);
    if (at == 2) // another type, which is none
      CHECK(next == port_next_bad);
    CHECK(next != port_next_partial);
    CHECK(next == port_next_bad);
  }
}

TEST_CASE("port_frames: what is too long, or of no type, is bad at once") {
  port_frame frame{};
  for (auto type : {std::uint8_t{0}, std::uint8_t{10}, std::uint8_t{255}})
    CHECK(next_of(frame_of(type, 1, ""), frame) == port_next_bad);
  auto bytes = frame_of(port_data, 1, "");
  bytes[9] = 1; // 64 KiB
  CHECK(next_of(bytes.substr(0, PORT_HEADER_SIZE), frame) == port_next_bad);
}

TEST_CASE("port_frames: a scan finds the first possible beginning") {
  const auto reset = frame_of(port_reset, 0, "x");
  auto scan = [](const std::string& bytes) {
    return port_scan(bytes_of(bytes), bytes.size(), port_reset);
  };
  CHECK(scan(reset) == 0);
  CHECK(scan("") == 0);
  CHECK(scan("abc") == 3);
  CHECK(scan("abc" + reset) == 3);
  CHECK(scan(frame_of(port_data, 1, "abc") + reset) == PORT_OVERHEAD + 3);
  CHECK(scan("\xBA\xBA\xBA" + reset) == 3);    // what only looks like one
  for (std::size_t size = 1; size < 4; ++size) // the beginning of one must not be dropped
    CHECK(scan("abc" + reset.substr(0, size)) == 3);
  CHECK(scan("abc\xBA\x7A\x02") == 6); // another type
}

TEST_CASE("port_frames: payloads of a reset and of credit") {
  unsigned char payload[2 + PORT_NONCE_SIZE];
  const unsigned char nonce[PORT_NONCE_SIZE] = {1, 2, 3};
  port_put_nonce(payload, nonce);
  port_frame frame{port_reset, 0, payload, sizeof payload};
  const unsigned char* out = nullptr;
  REQUIRE(port_take_nonce(&frame, &out));
  CHECK(std::memcmp(out, nonce, PORT_NONCE_SIZE) == 0);
  payload[1] = PORT_PROTOCOL_VERSION + 1;
  CHECK_FALSE(port_take_nonce(&frame, &out));
  payload[1] = PORT_PROTOCOL_VERSION;
  --frame.size;
  CHECK_FALSE(port_take_nonce(&frame, &out));
  const unsigned char more[4] = {0, 1, 0, 0};
  frame = {port_credit, 1, more, 4};
  CHECK(port_take_credit(&frame) == 65536);
  frame.size = 3;
  CHECK(port_take_credit(&frame) == 0);
}
