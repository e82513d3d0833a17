#include "cli/session_render.hpp"

#include "cli/json.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <csignal>

using namespace banger;
using namespace banger::cli;
using record = nlohmann::ordered_json;
using strings = std::vector<std::string>;

namespace {

constexpr std::int64_t now = 1'700'000'100'000;

session_info running() {
  session_info x;
  x.id = "0123456789ab";
  x.vm_name = "box";
  x.config.name = "make-1";
  x.config.argv = {"make", "test all", "-j2"};
  x.state = session_state::running;
  x.created_at_ms = now - 90'000;
  x.started_at_ms = now - 60'000;
  x.client_count = 2;
  return x;
}

session_info exited(std::int32_t code, std::int32_t signal) {
  auto x = running();
  x.state = session_state::exited;
  x.exit_code = code;
  x.signal = signal;
  x.ended_at_ms = now - 5000;
  x.end_offset = 3U << 20;
  x.client_count = 0;
  return x;
}

session_info failed() {
  auto x = running();
  x.state = session_state::failed;
  x.started_at_ms = 0;
  x.error = "no such\nfolder";
  x.error_step = "cwd";
  x.client_count = 0;
  return x;
}

record read(const std::string& text) {
  REQUIRE(text.ends_with("\n"));
  return record::parse(text); // throws, and so fails the test, where it is no JSON
}

/// The same, where it has to be one line.
record read_line(const std::string& text) {
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  return read(text);
}

strings keys_of(const record& x) {
  strings all;
  for (const auto& item : x.items())
    all.push_back(item.key());
  return all;
}

/// Those keys of `x` that are null.
strings nulls_of(const record& x) {
  strings all;
  for (const auto& item : x.items())
    if (item.value().is_null())
      all.push_back(item.key());
  return all;
}

const strings session_keys{
    "id",          "name",          "vm_name",       "state",         "argv",      "env",
    "cwd",         "input",         "window",        "window_policy", "tags",      "required",
    "journal_cap", "created_at_ms", "started_at_ms", "ended_at_ms",   "exit_code", "signal",
    "error",       "error_step",    "end_offset",    "client_count"};

bool is_utf8(const std::string& text) {
  return record(text).dump(-1, ' ', false, record::error_handler_t::ignore) ==
         record(text).dump(-1, ' ', false, record::error_handler_t::replace);
}

} // namespace

TEST_CASE("session text: how it stands, in words") {
  auto x = running();
  for (auto state : {session_state::starting, session_state::running, session_state::stopping}) {
    x.state = state;
    CHECK(session_state_text(x) == to_string(state));
  }
  CHECK(session_state_text(exited(0, 0)) == "exited with 0");
  CHECK(session_state_text(exited(-1, 0)) == "exited with -1");
  CHECK(session_state_text(exited(0, SIGKILL)) == "ended by SIGKILL");
  CHECK(session_state_text(exited(0, SIGSEGV)) == "ended by SIGSEGV");
  CHECK(session_state_text(exited(0, 60)) == "ended by signal 60");
  CHECK(session_state_text(failed()) == "failed: no such\\nfolder");
  x.state = session_state::lost;
  x.error = "the guest was rebooted";
  CHECK(session_state_text(x) == "lost: the guest was rebooted");
}

TEST_CASE("session text: a table of sessions") {
  CHECK(session_table({}, now) == "SESSION  STATE  STARTED  CLIENTS  COMMAND\n");
  CHECK(session_table({running(), exited(2, 0), failed()}, now) ==
        "SESSION     STATE          STARTED    CLIENTS  COMMAND\n"
        "box/make-1  running        1 min ago  2        make 'test all' -j2\n"
        "box/make-1  exited with 2  1 min ago  0        make 'test all' -j2\n"
        "box/make-1  failed         -          0        make 'test all' -j2\n");
}

TEST_CASE("session text: a long command is cut in a table, and whole in the details") {
  auto x = running();
  x.config.argv = {"echo", std::string(100, 'a')};
  const auto text = session_table({x}, now);
  CHECK(text.ends_with("  echo " + std::string(40, 'a') + "...\n"));
  CHECK(session_details(x, now).find("echo " + std::string(100, 'a') + "\n") != std::string::npos);
  x.config.argv = {std::string(48, 'b')};
  CHECK(session_table({x}, now).ends_with("  " + std::string(48, 'b') + "\n"));
}

TEST_CASE("session text: a command is not cut within a character") {
  for (std::size_t before = 0; before < 4; ++before) {
    auto x = running();
    x.config.argv = {"echo", std::string(before, 'a')};
    for (int i = 0; i < 40; ++i)
      x.config.argv.back() += "\xc3\xa4";
    CHECK_MESSAGE(is_utf8(session_table({x}, now)), before);
  }
}

TEST_CASE("session text: a command is one line, and plays no tricks on the terminal") {
  auto x = running();
  x.config.argv = {"sh", "-c", "a\nb\033[31m", "", "it's"};
  x.config.cwd = "/a\tb";
  x.config.env = {"A=\x07"};
  x.config.tags = {"t=\r"};
  for (const auto& text : {session_table({x}, now), session_details(x, now)}) {
    CHECK(text.find("sh -c 'a\\nb\\x1b[31m' '' 'it'\\''s'\n") != std::string::npos);
    for (char bad : {'\033', '\t', '\a', '\r'})
      CHECK(text.find(bad) == std::string::npos);
  }
}

TEST_CASE("session text: all that is known, and no more") {
  CHECK(session_details(running(), now) == "session:  box/make-1\n"
                                           "id:       0123456789ab\n"
                                           "state:    running\n"
                                           "command:  make 'test all' -j2\n"
                                           "input:    pipe\n"
                                           "created:  1 min ago\n"
                                           "started:  1 min ago\n"
                                           "clients:  2\n");
  auto x = exited(0, SIGTERM);
  x.config.cwd = "/src";
  x.config.env = {"A=1", "B=2"};
  x.config.tags = {"by=me"};
  x.config.required = {"make", "gcc"};
  x.config.input = session_input_kind::pty;
  CHECK(session_details(x, now) == "session:      box/make-1\n"
                                   "id:           0123456789ab\n"
                                   "state:        ended by SIGTERM\n"
                                   "command:      make 'test all' -j2\n"
                                   "folder:       /src\n"
                                   "environment:  A=1 B=2\n"
                                   "input:        pty\n"
                                   "tags:         by=me\n"
                                   "required:     make gcc\n"
                                   "created:      1 min ago\n"
                                   "started:      1 min ago\n"
                                   "ended:        5 s ago\n"
                                   "output:       3 MiB\n");
  const auto text = session_details(failed(), now);
  CHECK(text.find("failed: no such\\nfolder\n") != std::string::npos);
  CHECK(text.find("failed step:  cwd\n") != std::string::npos);
  CHECK(text.find("started:") == std::string::npos);
}

TEST_CASE("session text: who is attached") {
  attach_list all{running(), {}};
  CHECK(attach_table(all, now) == "CLIENT  ROLE  SINCE  AT BYTE  LAG  SENT  WINDOW\n");
  all.attaches = {
      {"ann, process 7", attach_role::writer, now - 3000, 1000, 24, 5, {24, 80}},
      {"b\nob", attach_role::viewer, now - 7'200'000, 1024, 0, 0, {}},
  };
  CHECK(attach_table(all, now) == "CLIENT          ROLE    SINCE    AT BYTE  LAG  SENT  WINDOW\n"
                                  "ann, process 7  writer  3 s ago  1000     24   5     24 x 80\n"
                                  "b\\nob           viewer  2 h ago  1024     0    0     \n");
}

// -- JSON
// ----------------------------------------------------------------------------------------------

TEST_CASE("session json: every field is there, null where it says nothing") {
  const auto x = read(json(running()));
  CHECK(keys_of(x) == session_keys);
  CHECK(nulls_of(x) == strings{"cwd", "window", "journal_cap", "ended_at_ms", "exit_code", "signal",
                               "error", "error_step", "end_offset"});
  CHECK(x["name"] == "make-1");
  CHECK(x["vm_name"] == "box");
  CHECK(x["state"] == "running");
  CHECK(x["argv"] == strings{"make", "test all", "-j2"});
  CHECK(x["env"] == record::array());
  CHECK(x["input"] == "pipe");
  CHECK(x["window_policy"] == "smallest");
  CHECK(x["tags"] == record::object());
  CHECK(x["started_at_ms"] == now - 60'000);
  CHECK(x["client_count"] == 2);
}

TEST_CASE("session json: a full record has no null but for what excludes each other") {
  auto whole = exited(0, 0);
  whole.config.cwd = "/src";
  whole.config.env = {"A=1", "A=2"};
  whole.config.window = {24, 80};
  whole.config.policy = window_policy::newest;
  whole.config.tags = {"by=me", "note=a=b", "empty="};
  whole.config.required = {"make"};
  whole.config.journal_cap = 1U << 20;
  const auto x = read(json(whole));
  CHECK(nulls_of(x) == strings{"signal", "error", "error_step"});
  CHECK(x["exit_code"] == 0); // a value, not "nothing"
  CHECK(x["end_offset"] == 3U << 20);
  CHECK(x["window"] == record{{"rows", 24}, {"columns", 80}});
  CHECK(x["tags"] == record{{"by", "me"}, {"note", "a=b"}, {"empty", ""}});
  CHECK(x["env"] == strings{"A=1", "A=2"});
}

TEST_CASE("session json: an end has a code or a signal, and an offset as soon as it is over") {
  auto x = read(json(exited(0, SIGKILL)));
  CHECK(x["exit_code"].is_null());
  CHECK(x["signal"] == SIGKILL);
  auto nothing = exited(3, 0);
  nothing.end_offset = 0;
  x = read(json(nothing));
  CHECK(x["exit_code"] == 3);
  CHECK(x["signal"].is_null());
  CHECK(x["end_offset"] == 0);
  x = read(json(failed()));
  CHECK(x["exit_code"].is_null());
  CHECK(x["error"] == "no such\nfolder");
  CHECK(x["error_step"] == "cwd");
  CHECK(x["end_offset"] == 0);
}

TEST_CASE("session json: bytes that are no text do not end the program") {
  auto odd = running();
  odd.config.argv = {"\xff\xfe"};
  odd.config.env = {"A=\xc3"};
  odd.config.cwd = "/\x80";
  odd.config.tags = {"\xff=\xff"};
  odd.error = "\xf0\x9f";
  CHECK(keys_of(read(json(odd))) == session_keys);
}

TEST_CASE("session json: lists are records as well") {
  CHECK(read(json(session_list{})) == record{{"sessions", record::array()}});
  const auto all = read(json(session_list{{running(), failed()}}));
  REQUIRE(all["sessions"].size() == 2);
  CHECK(keys_of(all["sessions"][1]) == session_keys);
  const auto who = read(json(attach_list{
      running(), {{"ann", attach_role::exclusive, now, 10, 20, 30, {24, 80}}, attach_info{}}}));
  CHECK(keys_of(who) == strings{"session", "attaches"});
  CHECK(keys_of(who["session"]) == session_keys);
  CHECK(who["attaches"][0] == record{{"client", "ann"},
                                     {"role", "exclusive"},
                                     {"since_ms", now},
                                     {"offset", 10},
                                     {"lag", 20},
                                     {"input_bytes", 30},
                                     {"window", {{"rows", 24}, {"columns", 80}}}});
  CHECK(nulls_of(who["attaches"][1]) == strings{"window"});
}

TEST_CASE("session json: what was done to each") {
  const auto all = read(json(std::vector<outcome<session_info>>{
      {"box/a", running()}, {"box/b", fail(ec::not_found, "no session 'box/b'")}}));
  REQUIRE(all["results"].size() == 2);
  const auto &good = all["results"][0], &bad = all["results"][1];
  CHECK(keys_of(good) == strings{"ref", "ok", "session", "error"});
  CHECK(good["ok"] == true);
  CHECK(good["session"]["id"] == "0123456789ab");
  CHECK(good["error"].is_null());
  CHECK(bad["ref"] == "box/b");
  CHECK(bad["ok"] == false);
  CHECK(bad["session"].is_null());
  CHECK(bad["error"]["code"] == "not_found");
}

TEST_CASE("session json: output is text where it can be, and base64 where it cannot") {
  CHECK(read_line(output_json({7, 100, false, "a\n\xc3\xa4"})) == record{{"type", "output"},
                                                                         {"stream", "stdout"},
                                                                         {"offset", 100},
                                                                         {"size", 4},
                                                                         {"text", "a\n\xc3\xa4"},
                                                                         {"base64", nullptr}});
  CHECK(read_line(output_json({7, 0, true, std::string("\0\xff", 2)})) ==
        record{{"type", "output"},
               {"stream", "stderr"},
               {"offset", 0},
               {"size", 2},
               {"text", nullptr},
               {"base64", "AP8="}});
  // A character that a read has cut in two is no text, in either half.
  CHECK(read_line(output_json({7, 0, false, "\xc3"}))["base64"] == "ww==");
  CHECK(read_line(output_json({7, 0, false, "\xa4z"}))["base64"] == "pHo=");
  // The sign that stands for what is no text is text itself, and so is a NUL.
  CHECK(read_line(output_json({7, 0, false, "\xef\xbf\xbd"}))["text"] == "\xef\xbf\xbd");
  CHECK(read_line(output_json({7, 0, false, std::string(1, '\0')}))["text"] ==
        std::string(1, '\0'));
}

TEST_CASE("session json: the other lines of an attach") {
  CHECK(read_line(gap_json({7, 10, UINT64_MAX})) ==
        record{{"type", "gap"}, {"from", 10}, {"to", UINT64_MAX}});
  CHECK(read_line(notice_json("a\nb\xff"))["type"] == "notice");
  CHECK(read_line(notice_json("it is back"))["text"] == "it is back");
  const auto end = read_line(end_json(exited(2, 0)));
  CHECK(keys_of(end) == strings{"type", "session"});
  CHECK(end["type"] == "end");
  CHECK(keys_of(end["session"]) == session_keys);
}
