#include "core/agent_frames.hpp"

#include "guest/agent_protocol.h"

#include <doctest/doctest.h>

#include <array>

using namespace banger::core::agent;
using namespace std::string_literals;

static_assert(socket_path == BANGER_EXEC_SOCKET);
static_assert(token_size == BANGER_TOKEN_SIZE);

namespace {

const std::string token = "0123456789abcdef";

std::string u32(std::uint32_t x) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8)
    out += static_cast<char>(x >> shift & 0xff);
  return out;
}

std::string frame(char type, const std::string& payload) {
  return type + u32(static_cast<std::uint32_t>(payload.size())) + payload;
}

} // namespace

TEST_CASE("agent frames: a header is as long as the agent says") {
  CHECK(stdio_frame("").size() == BANGER_FRAME_HEADER_SIZE);
}

TEST_CASE("agent frames: the first frames carry their type and the token") {
  CHECK(stdio_frame(token) == frame(BANGER_FRAME_STDIO, token));
  CHECK(stderr_frame(token) == frame(BANGER_FRAME_STDERR, token));
}

TEST_CASE("agent frames: a command is token, flags, folder, arguments, environment") {
  const command x{token, "/root/a b", {"sh", "-c", ""}, {"A=1"}};
  const auto payload = token + u32(0) + "/root/a b\0"s + u32(3) + "sh\0-c\0\0"s + u32(1) + "A=1\0"s;
  CHECK(exec_frame(x) == frame(BANGER_FRAME_EXEC, payload));
}

TEST_CASE("agent frames: a command without folder and environment has empty ones") {
  const auto payload = token + u32(0) + "\0"s + u32(1) + "true\0"s + u32(0);
  CHECK(exec_frame({token, "", {"true"}, {}}) == frame(BANGER_FRAME_EXEC, payload));
}

TEST_CASE("agent frames: an argument ends at its NUL, as execve would end it") {
  const auto payload = token + u32(0) + "\0"s + u32(1) + "ab\0"s + u32(0);
  CHECK(exec_frame({token, "", {"ab\0cd"s}, {}}) == frame(BANGER_FRAME_EXEC, payload));
}

TEST_CASE("agent frames: a signal is one number") {
  CHECK(signal_frame(15) == frame(BANGER_FRAME_SIGNAL, u32(15)));
}

TEST_CASE("agent frames: every reply is understood, whole or byte by byte") {
  const auto bytes = frame(BANGER_FRAME_STARTED, u32(77)) +
                     frame(BANGER_FRAME_FAILED, u32(2) + "no such file\0"s) +
                     frame(BANGER_FRAME_ENDED, u32(3) + u32(9));
  for (std::size_t step : {bytes.size(), std::size_t{1}, std::size_t{7}}) {
    reply_reader reader;
    std::vector<reply> all;
    for (std::size_t at = 0; at < bytes.size(); at += step)
      for (auto& x : reader.feed(std::string_view{bytes}.substr(at, step)))
        all.push_back(x);
    REQUIRE(all.size() == 3);
    REQUIRE(std::holds_alternative<started>(all[0]));
    CHECK(std::get<started>(all[0]).pid == 77);
    REQUIRE(std::holds_alternative<not_started>(all[1]));
    CHECK(std::get<not_started>(all[1]).error == 2);
    CHECK(std::get<not_started>(all[1]).text == "no such file");
    REQUIRE(std::holds_alternative<ended>(all[2]));
    CHECK(std::get<ended>(all[2]).exit_code == 3);
    CHECK(std::get<ended>(all[2]).signal == 9);
  }
}

TEST_CASE("agent frames: what is not a reply is garbled, and the next one still counts") {
  const std::array bad{frame('?', ""), frame(BANGER_FRAME_STARTED, "abc"),
                       frame(BANGER_FRAME_FAILED, ""), frame(BANGER_FRAME_ENDED, u32(1))};
  for (const auto& bytes : bad) {
    reply_reader reader;
    const auto all = reader.feed(bytes + frame(BANGER_FRAME_STARTED, u32(1)));
    REQUIRE(all.size() == 2);
    CHECK(std::holds_alternative<garbled>(all[0]));
    CHECK(std::holds_alternative<started>(all[1]));
  }
}

TEST_CASE("agent frames: a length beyond reason is refused before its bytes come") {
  reply_reader reader;
  const auto all = reader.feed("S"s + u32(0xffffffff));
  REQUIRE(all.size() == 1);
  CHECK(std::holds_alternative<garbled>(all[0]));
}
