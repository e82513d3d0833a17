#include "core/qmp.hpp"

#include "core/line_buffer.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

namespace core = banger::core;

namespace {

template <class Message>
Message parsed(std::string_view line) {
  auto message = core::parse_qmp(line);
  REQUIRE_MESSAGE(std::holds_alternative<Message>(message), std::string{line});
  return std::get<Message>(message);
}

// As QEMU 7.2 wrote them.
constexpr std::string_view greeting =
    R"({"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian"}, "capabilities": ["oob"]}})";
constexpr std::string_view shutdown =
    R"({"timestamp": {"seconds": 1, "microseconds": 2}, "event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-shutdown"}})";

} // namespace

TEST_CASE("qmp: the greeting is known") {
  (void)parsed<core::qmp_greeting>(greeting);
}

TEST_CASE("qmp: an event has its name, and who shut down") {
  auto event = parsed<core::qmp_event>(shutdown);
  CHECK(event.name == "SHUTDOWN");
  CHECK(event.reason == "guest-shutdown");
  CHECK(event.by_guest);
  event = parsed<core::qmp_event>(
      R"({"event": "SHUTDOWN", "data": {"guest": false, "reason": "host-qmp-quit"}})");
  CHECK(event.reason == "host-qmp-quit");
  CHECK_FALSE(event.by_guest);
  event = parsed<core::qmp_event>(R"({"event": "STOP"})");
  CHECK(event.name == "STOP");
  CHECK(event.reason.empty());
}

TEST_CASE("qmp: replies and errors name the command they answer") {
  CHECK(parsed<core::qmp_reply>(R"({"return": {}, "id": "query-status"})").id == "query-status");
  CHECK(parsed<core::qmp_reply>(R"({"return": []})").id.empty());
  auto error = parsed<core::qmp_error>(
      R"({"id": "cont", "error": {"class": "GenericError", "desc": "no machine"}})");
  CHECK(error.id == "cont");
  CHECK(error.text == "no machine");
}

TEST_CASE("qmp: fields of another type than promised are empty, never a crash") {
  CHECK(parsed<core::qmp_reply>(R"({"return": 1, "id": 7})").id.empty());
  auto event = parsed<core::qmp_event>(R"({"event": ["x"], "data": {"guest": 1, "reason": null}})");
  CHECK(event.name.empty());
  CHECK(event.reason.empty());
  CHECK_FALSE(event.by_guest);
  CHECK(parsed<core::qmp_event>(R"({"event": "STOP", "data": 5})").name == "STOP");
}

TEST_CASE("qmp: what is no message of the protocol is unknown") {
  for (std::string_view line :
       {"", " ", "{", "[]", "null", "7", "\"QMP\"", "{}", R"({"error": "text"})", R"({"event")",
        "{\"event\": \"\xff\xfe\"}", "{\"event\": \"STOP\"} {\"event\": \"STOP\"}"})
    (void)parsed<core::qmp_unknown>(line);
  (void)parsed<core::qmp_unknown>(std::string(200'000, '['));
  (void)parsed<core::qmp_unknown>(std::string_view{"\0\0", 2});
}

TEST_CASE("qmp: every beginning of a line is unknown, and the whole of it is not") {
  for (auto line : {greeting, shutdown})
    for (std::size_t n = 0; n < line.size(); ++n)
      (void)parsed<core::qmp_unknown>(line.substr(0, n));
}

TEST_CASE("qmp: a command is one line that carries its name as its id") {
  auto line = core::qmp_command("system_powerdown");
  REQUIRE(line.ends_with('\n'));
  CHECK(line.find('\n') == line.size() - 1);
  auto json = nlohmann::json::parse(line);
  CHECK(json == nlohmann::json{{"execute", "system_powerdown"}, {"id", "system_powerdown"}});
}

TEST_CASE("line_buffer: lines come whole, however the bytes are cut") {
  const std::string text = "one\r\n\ntwo\nrest";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    core::line_buffer buffer;
    auto lines = buffer.feed(text.substr(0, cut));
    for (auto& line : buffer.feed(text.substr(cut)))
      lines.push_back(std::move(line));
    CHECK(lines == std::vector<std::string>{"one", "", "two"});
    CHECK(buffer.feed("\n") == std::vector<std::string>{"rest"});
  }
}

TEST_CASE("line_buffer: a line at the limit comes, a longer one is dropped and the next comes") {
  core::line_buffer buffer{4};
  CHECK(buffer.feed("1234\n12345\nnext\n") == std::vector<std::string>{"1234", "next"});
  for (int i = 0; i < 1000; ++i)
    CHECK(buffer.feed("endless").empty());
  CHECK(buffer.feed("\nok\n") == std::vector<std::string>{"ok"});
}
