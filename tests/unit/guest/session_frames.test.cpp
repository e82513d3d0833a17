#include "guest/session_frames.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

namespace {

using buffer = std::vector<unsigned char>;

template <class Put>
buffer encoded(Put put) {
  buffer out(1024);
  out.resize(put(out.data(), out.size()));
  REQUIRE(out.size() >= SESSION_FRAME_HEADER_SIZE);
  // One byte less of room, and there is no frame.
  buffer small(out.size() - 1);
  CHECK(put(small.data(), small.size()) == 0);
  return out;
}

/// Calls `take` with the payload, and with every wrong length of it.
template <class Take>
void decode(const buffer& frame, uint32_t (*limit)(uint8_t), Take take) {
  session_frame found{};
  REQUIRE(session_next(frame.data(), frame.size(), limit, &found) == session_next_frame);
  CHECK(found.size == frame.size() - SESSION_FRAME_HEADER_SIZE);
  for (std::size_t size = 0; size < frame.size(); ++size)
    CHECK(session_next(frame.data(), size, limit, &found) == session_next_partial);
  for (std::size_t size = 0; size < found.size; ++size) {
    buffer cut(found.payload, found.payload + size);
    CHECK(!take(cut.data(), cut.size()));
  }
  buffer longer(found.payload, found.payload + found.size);
  longer.push_back(0);
  CHECK(!take(longer.data(), longer.size()));
  CHECK(take(found.payload, found.size));
}

} // namespace

TEST_CASE("session frames: requests come back as they were") {
  constexpr std::array<char, 10> two{"one\0two\0"};
  session_new x{};
  x.id = "0123456789ab";
  x.flags = SESSION_FLAG_PTY;
  x.rows = 24;
  x.columns = 80;
  x.journal_cap = 1ULL << 40;
  x.cwd = "/root";
  x.arguments = {two.data(), 2};
  x.environment = {"A=b", 1};
  x.required = {"", 0};
  auto frame = encoded([&](auto* out, auto size) { return session_put_new(out, size, &x); });
  session_new y{};
  decode(frame, session_request_limit,
         [&](auto* bytes, auto size) { return session_take_new(bytes, size, &y); });
  CHECK(std::string(y.id, SESSION_ID_SIZE) == x.id);
  CHECK(y.flags == x.flags);
  CHECK(y.rows == 24);
  CHECK(y.columns == 80);
  CHECK(y.journal_cap == x.journal_cap);
  CHECK(std::string{y.cwd} == "/root");
  CHECK(y.arguments.count == 2);
  CHECK(std::string(y.arguments.first, 8) == std::string(two.data(), 8));
  CHECK(y.required.count == 0);

  session_attach a{"0123456789ab", 77, SESSION_FLAG_READ_ONLY, 1000}, b{};
  frame = encoded([&](auto* out, auto size) { return session_put_attach(out, size, &a); });
  decode(frame, session_request_limit,
         [&](auto* bytes, auto size) { return session_take_attach(bytes, size, &b); });
  CHECK(b.from == 77);
  CHECK(b.flags == SESSION_FLAG_READ_ONLY);
  CHECK(b.credit == 1000);
  frame = encoded([&](auto* out, auto size) { return session_put_list(out, size); });
  decode(frame, session_request_limit, session_take_list);
  frame = encoded([&](auto* out, auto size) { return session_put_delete(out, size, x.id); });
  const char* id = nullptr;
  decode(frame, session_request_limit,
         [&](auto* bytes, auto size) { return session_take_delete(bytes, size, &id); });
}

TEST_CASE("session frames: replies come back as they were") {
  session_here here{session_phase_running, 5, 1ULL << 50, 7}, here_again{};
  decode(encoded([&](auto* out, auto size) { return session_put_here(out, size, &here); }),
         session_reply_limit,
         [&](auto* bytes, auto size) { return session_take_here(bytes, size, &here_again); });
  CHECK(here_again.oldest == 5);
  CHECK(here_again.end == 1ULL << 50);
  CHECK(here_again.start == 7);

  session_failed failed{2, session_step_cwd, "no such folder"}, failed_again{};
  decode(encoded([&](auto* out, auto size) { return session_put_failed(out, size, &failed); }),
         session_reply_limit,
         [&](auto* bytes, auto size) { return session_take_failed(bytes, size, &failed_again); });
  CHECK(failed_again.error == 2);
  CHECK(failed_again.step == session_step_cwd);

  session_ended ended{session_how_signalled, 1, 9, 12, 34, "why"}, ended_again{};
  decode(encoded([&](auto* out, auto size) { return session_put_ended(out, size, &ended); }),
         session_reply_limit,
         [&](auto* bytes, auto size) { return session_take_ended(bytes, size, &ended_again); });
  CHECK(ended_again.how == session_how_signalled);
  CHECK(ended_again.signal == 9);
  CHECK(ended_again.end == 12);
  CHECK(ended_again.ended_at_ms == 34);
  CHECK(std::string{ended_again.text} == "why");

  uint64_t from = 0, to = 0;
  decode(encoded([](auto* out, auto size) { return session_put_gap(out, size, 3, 9); }),
         session_reply_limit,
         [&](auto* bytes, auto size) { return session_take_gap(bytes, size, &from, &to); });
  CHECK(from == 3);
  CHECK(to == 9);
  uint32_t pid = 0;
  decode(encoded([](auto* out, auto size) { return session_put_started(out, size, 42, 43); }),
         session_reply_limit,
         [&](auto* bytes, auto size) { return session_take_started(bytes, size, &pid, &to); });
  CHECK(pid == 42);
}

TEST_CASE("session frames: what is too long, or unknown, is bad from its first bytes on") {
  auto next = [](const buffer& bytes, uint32_t (*limit)(uint8_t)) {
    session_frame found{};
    return session_next(bytes.data(), bytes.size(), limit, &found);
  };
  CHECK(next({'?'}, session_request_limit) == session_next_bad);
  CHECK(next({'o'}, session_command_limit) == session_next_bad);
  CHECK(next({'i', 0, 1, 0, 0}, session_command_limit) == session_next_partial);
  CHECK(next({'i', 0, 1, 0, 1}, session_command_limit) == session_next_bad);
  CHECK(next({'o', 0, 1, 0, 8}, session_reply_limit) == session_next_partial);
  CHECK(next({'o', 0, 1, 0, 9}, session_reply_limit) == session_next_bad);
  CHECK(next({'N', 0, 0x40, 0, 0}, session_request_limit) == session_next_partial);
  CHECK(next({'N', 0, 0x40, 0, 1}, session_request_limit) == session_next_bad);
}

TEST_CASE("session frames: an ID is twelve lower-case hexadecimal digits") {
  CHECK(session_id_is_valid("0123456789ab"));
  for (const char* id : {"0123456789aB", "0123456789a", "../456789abcd", "0123456789ag", ""})
    CHECK(!session_id_is_valid(id));
}
