// The "session" commands on the command line.
#include "cli/options.hpp"
#include "host/clock.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>

using namespace banger;
using namespace banger::cli;
using strings = std::vector<std::string>;

namespace {

/// What "banger session ..." asks for; it must be understood.
options read(strings line) {
  line.insert(line.begin(), "session");
  const auto x = parse(line);
  REQUIRE_MESSAGE(!x.is_final, x.text);
  return x.what;
}

/// What is printed for a line that is not understood: one line of error, and a hint.
std::string refused(strings line) {
  line.insert(line.begin(), "session");
  const auto x = parse(line);
  INFO("the last word is ", line.back());
  REQUIRE(x.is_final);
  CHECK(x.is_error);
  CHECK(x.status == 2);
  CHECK(x.text.starts_with("banger: "));
  CHECK(x.text.find("\nhint: ") != std::string::npos);
  CHECK(std::count(x.text.begin(), x.text.end(), '\n') == 2);
  return x.text;
}

bool contains(const std::string& text, const std::string& piece) {
  return text.find(piece) != std::string::npos;
}

session_options attach(const strings& more) {
  strings line{"attach", "box/a"};
  line.insert(line.end(), more.begin(), more.end());
  return read(line).session;
}

session_options from(const std::string& text) {
  return attach({"--from", text});
}

} // namespace

TEST_CASE("session cli: every command is understood") {
  struct {
    strings line;
    verb what;
    strings refs;
  } const cases[] = {
      {{"start", "box", "--", "true"}, verb::session_start, {"box"}},
      {{"attach", "box/a"}, verb::session_attach, {"box/a"}},
      {{"send", "box/a"}, verb::session_send, {"box/a"}},
      {{"list"}, verb::session_list, {}},
      {{"list", "box"}, verb::session_list, {"box"}},
      {{"show", "box/a", "box/b"}, verb::session_show, {"box/a", "box/b"}},
      {{"logs", "box/a"}, verb::session_logs, {"box/a"}},
      {{"who", "box/a"}, verb::session_who, {"box/a"}},
      {{"wait", "box/a"}, verb::session_wait, {"box/a"}},
      {{"stop", "box/a", "box/b"}, verb::session_stop, {"box/a", "box/b"}},
      {{"kill", "box/a", "box/b"}, verb::session_kill, {"box/a", "box/b"}},
      {{"prune"}, verb::session_prune, {}},
      {{"prune", "box", "other"}, verb::session_prune, {"box", "other"}},
      {{"delete", "box/a", "box/b"}, verb::session_delete, {"box/a", "box/b"}},
  };
  for (const auto& x : cases) {
    auto found = read(x.line);
    CHECK(found.what == x.what);
    CHECK(found.refs == x.refs);
    CHECK_FALSE(found.is_json);
    auto line = x.line;
    line.insert(line.begin() + 1, {"-o", "json"});
    CHECK(read(line).is_json);
  }
}

TEST_CASE("session cli: what is missing, or too much, is said") {
  CHECK(contains(refused({}), "a command is missing after 'session'"));
  for (const char* word :
       {"attach", "send", "show", "logs", "who", "wait", "stop", "kill", "delete"}) {
    const auto text = refused({word});
    CHECK_MESSAGE(contains(text, "VM/NAME is required"), word);
    CHECK_MESSAGE(contains(text, "hint: banger session " + std::string{word} + " --help"), word);
  }
  for (const char* word : {"attach", "logs", "who", "wait"})
    CHECK_MESSAGE(contains(refused({word, "box/a", "box/b"}), "box/b"), word);
  refused({"list", "box", "web"});
  CHECK(contains(refused({"atach", "box/a"}), "did you mean 'attach'?"));
  CHECK(contains(refused({"logs", "box/a", "--folow"}), "did you mean '--follow'?"));
}

TEST_CASE("session cli: only a start and a send have something after --") {
  for (const char* word :
       {"attach", "show", "logs", "who", "wait", "stop", "kill", "delete", "list"})
    CHECK_MESSAGE(contains(refused({word, "box/a", "--", "x"}), "'--' has no place here"), word);
}

TEST_CASE("session cli: the same session twice is one") {
  CHECK(read({"stop", "b/x", "a/x", "b/x"}).refs == strings{"b/x", "a/x"});
}

// -- start
// ---------------------------------------------------------------------------------------------

TEST_CASE("session cli: a start without options has the daemon's defaults") {
  const auto x = read({"start", "box", "--", "sh", "-c", "", "\xff"});
  CHECK(x.command == strings{"sh", "-c", "", "\xff"});
  const auto& config = x.session.config;
  CHECK(config.name.empty());
  CHECK(config.input == session_input_kind::pipe);
  CHECK(config.policy == window_policy::smallest);
  CHECK(config.tags.empty());
  CHECK(config.required.empty());
  CHECK(config.journal_cap == 0);
  CHECK(x.env.empty());
  CHECK(x.cwd.empty());
  CHECK_FALSE(x.session.attaches);
}

TEST_CASE("session cli: all options of a start are read") {
  const auto x = read({"start",     "box",   "--name",    "tests",   "-w",  "/src",      "-e",
                       "A=1",       "--env", "B=",        "--stdin", "pty", "-a",        "--window",
                       "newest",    "--tag", "by=me",     "--tag",   "n=1", "--require", "make",
                       "--require", "gcc",   "--journal", "256M",    "--",  "make"});
  CHECK(x.refs == strings{"box"});
  CHECK(x.command == strings{"make"});
  CHECK(x.cwd == "/src");
  CHECK(x.env == strings{"A=1", "B="});
  const auto& config = x.session.config;
  CHECK(config.name == "tests");
  CHECK(config.input == session_input_kind::pty);
  CHECK(config.policy == window_policy::newest);
  CHECK(config.tags == strings{"by=me", "n=1"});
  CHECK(config.required == strings{"make", "gcc"});
  CHECK(config.journal_cap == 256U << 20);
  CHECK(x.session.attaches);
}

TEST_CASE("session cli: what a command's input is") {
  auto input = [](strings line) {
    line.insert(line.begin(), {"start", "box"});
    line.insert(line.end(), {"--", "x"});
    return read(line).session.config.input;
  };
  CHECK(input({"--stdin", "pipe"}) == session_input_kind::pipe);
  CHECK(input({"--stdin", "closed"}) == session_input_kind::closed);
  CHECK(input({"--stdin", "pty"}) == session_input_kind::pty);
  CHECK(input({"-t"}) == session_input_kind::pty);
  CHECK(input({"--tty", "--stdin", "pty"}) == session_input_kind::pty);
  CHECK(contains(refused({"start", "box", "-t", "--stdin", "closed", "--", "x"}), "--tty"));
  const auto text = refused({"start", "box", "--stdin", "tty", "--", "x"});
  CHECK(contains(text, "--stdin"));
  CHECK(contains(text, "pty"));
}

TEST_CASE("session cli: a start has a command") {
  for (const strings& line :
       {strings{"start", "box"}, strings{"start", "box", "--"}, strings{"start", "box", "--", ""}})
    CHECK(contains(refused(line), "hint: banger session start VM -- COMMAND"));
  CHECK(contains(refused({"start", "box", "ls"}), "'ls'"));
  CHECK(contains(refused({"start", "--", "ls"}), "VM is required"));
}

TEST_CASE("session cli: a start's values that cannot be are refused") {
  struct {
    const char *option, *value, *said;
  } const cases[] = {
      {"--name", "My", "try 'my'"},
      {"--name", "a/b", "'a/b'"},
      {"--env", "A", "'A' is not NAME=value"},
      {"--env", "=1", "'=1' is not NAME=value"},
      {"--tag", "late", "'late' is not NAME=value"},
      {"--tag", "=", "'=' is not NAME=value"},
      {"--require", "/bin/sh", "'/bin/sh' is no name of a command"},
      {"--window", "largest", "--window"},
      {"--journal", "0", "--journal '0'"},
      {"--journal", "64K", "--journal '64K'"},
      {"--journal", "-1M", "--journal '-1M'"},
      {"--journal", "99T", "--journal '99T'"},
      {"--journal", "lots", "--journal 'lots'"},
  };
  for (const auto& x : cases) {
    const auto option = x.option + std::string{"="} + x.value;
    const auto text = refused({"start", "box", option, "--", "x"});
    CHECK_MESSAGE(contains(text, x.said), text);
  }
  refused({"start", "box", "--tag", "a=1", "b=2", "--", "x"}); // each needs its own --tag
  refused({"start", "box", "--name", "a", "--name", "b", "--", "x"});
}

// -- attach
// --------------------------------------------------------------------------------------------

TEST_CASE("session cli: where an attach begins") {
  CHECK_FALSE(attach({}).has_origin);
  CHECK(attach({}).origin == output_origin::offset);
  CHECK(attach({}).from == 0);
  for (const char* text : {"start", "0"}) {
    CHECK(from(text).has_origin);
    CHECK(from(text).origin == output_origin::offset);
    CHECK(from(text).from == 0);
  }
  CHECK(from("now").origin == output_origin::now);
  CHECK(from("now").has_origin);
  CHECK(from("4711").origin == output_origin::offset);
  CHECK(from("4711").from == 4711);
  CHECK(from("007").from == 7);
  CHECK(from("18446744073709551609").from == 18'446'744'073'709'551'609ULL);
  CHECK(from("tail:16384").origin == output_origin::last);
  CHECK(from("tail:16384").from == 16384);
  CHECK(from("tail:0").origin == output_origin::last);
  CHECK(from("tail:0").from == 0);
}

TEST_CASE("session cli: a place that is none is refused") {
  // 2^64 - 1 has a meaning of its own on the wire.
  for (const char* bad : {"-1", "1.5", "1k", "0x10", " 1", "1 ", "Now", "end", "tail",
                          "tail:", "tail:x", "tail:-1", "tail:1M", "TAIL:1", "18446744073709551615",
                          "18446744073709551616", "99999999999999999999"}) {
    const auto text = refused({"attach", "box/a", "--from", bad});
    CHECK_MESSAGE(contains(text, "banger: --from "), text);
    CHECK_MESSAGE(contains(text, "hint: a byte's number, start, now or tail:BYTES"), text);
  }
}

TEST_CASE("session cli: a place that is none is shown as it was typed") {
  for (const char* bad : {"x", "tail:x", "tail:"}) {
    const auto text = refused({"attach", "box/a", "--from", bad});
    CHECK_MESSAGE(contains(text, "'" + std::string{bad} + "'"), text);
  }
}

TEST_CASE("session cli: what an attach may do") {
  CHECK(attach({}).role == attach_role::writer);
  CHECK(attach({"--read-only"}).role == attach_role::viewer);
  CHECK(attach({"--exclusive"}).role == attach_role::exclusive);
  CHECK_FALSE(attach({"--exclusive"}).takes_over);
  CHECK(attach({"--exclusive", "--take-over"}).takes_over);
  CHECK(attach({"--no-stdin"}).ignores_stdin);
  CHECK_FALSE(attach({}).ignores_stdin);
  CHECK(contains(refused({"attach", "box/a", "--read-only", "--exclusive"}), "exclude each other"));
  CHECK(contains(refused({"attach", "box/a", "--take-over"}), "--exclusive"));
  CHECK(contains(refused({"attach", "box/a", "--read-only", "--take-over"}), "--exclusive"));
}

TEST_CASE("session cli: the keys that leave a terminal") {
  CHECK(attach({}).detach_keys == "\x1d");
  CHECK(attach({"--detach-keys", "ctrl-p,ctrl-q"}).detach_keys == "\x10\x11");
  CHECK(attach({"--detach-keys", "none"}).detach_keys.empty());
  for (const char* bad : {"ctrl", "ctrl-p,", "ab"}) {
    const auto text = refused({"attach", "box/a", "--detach-keys", bad});
    CHECK_MESSAGE(contains(text, "is no key"), text);
    CHECK_MESSAGE(contains(text, "hint: keys are like ctrl-]"), text);
  }
}

// -- send, logs
// ----------------------------------------------------------------------------------------

TEST_CASE("session cli: what is sent") {
  CHECK(read({"send", "box/a"}).session.texts.empty()); // stdin
  CHECK(read({"send", "box/a", "x", "y", "x"}).session.texts == strings{"x", "y", "x"});
  CHECK(read({"send", "box/a", ""}).session.texts == strings{""});
  CHECK(read({"send", "box/a", "--", "-x", "--eof"}).session.texts == strings{"-x", "--eof"});
  CHECK(read({"send", "box/a", "1", "--", "-2"}).session.texts == strings{"1", "-2"});
  CHECK(read({"send", "box/a", "x"}).refs == strings{"box/a"});
  CHECK(read({"send", "box/a", "--file", "f"}).session.file == "f");
  const auto plain = read({"send", "box/a", "x"}).session;
  CHECK_FALSE(plain.adds_line);
  CHECK_FALSE(plain.sends_end);
  CHECK(read({"send", "--line", "box/a", "x"}).session.adds_line);
  CHECK(read({"send", "--line", "box/a", "--", "x"}).session.adds_line);
  CHECK(read({"send", "--eof", "box/a"}).session.sends_end);
  CHECK(contains(refused({"send", "box/a", "x", "--file", "f"}), "exclude each other"));
  CHECK(contains(refused({"send", "box/a", "--file", "f", "--", "x"}), "exclude each other"));
  CHECK(contains(refused({"send", "box/a", "--line"}), "--line goes with TEXT"));
  CHECK(contains(refused({"send", "box/a", "--line", "--file", "f"}), "--line goes with TEXT"));
}

TEST_CASE("session cli: which of the output logs print") {
  const auto all = read({"logs", "box/a"});
  CHECK_FALSE(all.follows);
  CHECK(all.session.shows_stdout);
  CHECK(all.session.shows_stderr);
  CHECK(all.session.since_ms == 0);
  CHECK(all.tail_bytes == 0);
  CHECK(read({"logs", "-f", "box/a"}).follows);
  CHECK_FALSE(read({"logs", "box/a", "--stream", "stdout"}).session.shows_stderr);
  CHECK_FALSE(read({"logs", "box/a", "--stream", "stderr"}).session.shows_stdout);
  CHECK(read({"logs", "box/a", "--stream", "both"}).session.shows_stderr);
  CHECK(contains(refused({"logs", "box/a", "--stream", "all"}), "--stream"));
  CHECK(read({"logs", "box/a", "--tail", "20"}).tail_bytes == 20);
  for (const char* bad : {"0", "-1", "1.5", "x", "1000001"})
    CHECK_MESSAGE(contains(refused({"logs", "box/a", "--tail", bad}), "--tail"), bad);
}

TEST_CASE("session cli: since when logs print") {
  auto since = [](const std::string& text) {
    return read({"logs", "box/a", "--since", text}).session.since_ms;
  };
  CHECK(since("2026-11-27T12:00:00Z") == 1'795'780'800'000);
  CHECK(since("2026-11-27T12:00:00") == 1'795'780'800'000);
  const auto before = host::unix_ms();
  const auto found = since("10m");
  CHECK(found >= before - 600'000);
  CHECK(found <= host::unix_ms() - 600'000);
  for (const char* bad : {"2d", "yesterday", "2026-11-27", "2026-13-01T00:00:00Z", "12:00:00",
                          "2026-11-27T12:00:00+01:00", "2026-11-27T12:00:00Zulu", "-1", "0"}) {
    const auto text = refused({"logs", "box/a", "--since", bad});
    CHECK_MESSAGE(contains(text, "--since '" + std::string{bad} + "' is no time"), text);
  }
  CHECK(
      contains(refused({"logs", "box/a", "--since", "10m", "--tail", "5"}), "exclude each other"));
}

TEST_CASE("session cli: since before all time is no time to come") {
  // It travels as an unsigned number.
  const auto x = parse({"session", "logs", "box/a", "--since", "1969-12-31T23:59:59Z"});
  CHECK((x.is_final || x.what.session.since_ms >= 0));
}

// -- endings
// -------------------------------------------------------------------------------------------

TEST_CASE("session cli: signals have names and numbers") {
  auto signal = [](const std::string& text) {
    return read({"kill", "box/a", "--signal", text}).session.signal;
  };
  CHECK(read({"kill", "box/a"}).session.signal == SIGKILL);
  for (const char* text : {"TERM", "SIGTERM", "term", "sigterm", "SigTerm", "15"})
    CHECK_MESSAGE(signal(text) == SIGTERM, text);
  CHECK(signal("HUP") == SIGHUP);
  CHECK(signal("1") == SIGHUP);
  CHECK(signal("INT") == SIGINT);
  CHECK(signal("USR1") == SIGUSR1);
  CHECK(signal("WINCH") == SIGWINCH);
  CHECK(signal("31") == SIGSYS);
  for (const char* bad : {"0", "-1", "34", "64", "65", "015", "1.5", "FOO", "", "SIG", "SIGSIGTERM",
                          "TERM ", "KILL,TERM"}) {
    const auto text = refused({"kill", "box/a", "--signal", bad});
    CHECK_MESSAGE(contains(text, "banger: --signal '"), text);
    CHECK_MESSAGE(contains(text, "hint: like TERM, INT, USR1"), text);
  }
}

TEST_CASE("session cli: signals that are glibc's own are none for others") {
  // The hint says 1 to 31; 32 and 33 cancel threads and set ids (nptl(7)).
  for (const char* bad : {"32", "33"})
    refused({"kill", "box/a", "--signal", bad});
}

TEST_CASE("session cli: a signal that is none is shown as it was typed") {
  for (const char* bad : {"FOO", "foo", "sigfoo", "SIG"}) {
    const auto text = refused({"kill", "box/a", "--signal", bad});
    CHECK_MESSAGE(contains(text, "'" + std::string{bad} + "'"), text);
  }
}

TEST_CASE("session cli: times of a wait and a stop") {
  CHECK(read({"wait", "box/a"}).timeout_ms == 0);
  CHECK(read({"wait", "box/a", "--timeout", "5m"}).timeout_ms == 300'000);
  CHECK(read({"stop", "box/a"}).grace_ms == 0);
  CHECK(read({"stop", "box/a", "--grace", "30s"}).grace_ms == 30'000);
  CHECK(contains(refused({"wait", "box/a", "--timeout", "0"}), "--timeout"));
  CHECK(contains(refused({"stop", "box/a", "--grace", "1d"}), "--grace"));
  refused({"kill", "box/a", "--grace", "5"});
}

TEST_CASE("session cli: a delete may be forced, a list short") {
  CHECK_FALSE(read({"delete", "box/a"}).session.is_forced);
  CHECK(read({"delete", "--force", "box/a"}).session.is_forced);
  CHECK_FALSE(read({"list"}).is_quiet);
  CHECK(read({"list", "-q"}).is_quiet);
  CHECK(read({"list", "--quiet", "box"}).refs == strings{"box"});
}

TEST_CASE("session cli: what a prune spares") {
  const auto plain = read({"prune"}).session;
  CHECK(plain.spared.keep_newest == 0);
  CHECK(plain.spared.least_age_ms == 0);
  CHECK_FALSE(plain.is_agreed);
  CHECK_FALSE(plain.is_dry_run);
  CHECK(read({"prune", "--keep", "7"}).session.spared.keep_newest == 7);
  CHECK(read({"prune", "-y"}).session.is_agreed);
  CHECK(read({"prune", "--yes", "--dry-run"}).session.is_dry_run);
  auto age = [](const std::string& text) {
    return read({"prune", "--older-than", text}).session.spared.least_age_ms;
  };
  CHECK(age("90s") == 90'000);
  CHECK(age("10m") == 600'000);
  CHECK(age("12h") == 43'200'000);
  CHECK(age("30d") == 2'592'000'000);
  CHECK(age("3650d") == 315'360'000'000);
}

TEST_CASE("session cli: an age that is none is refused") {
  for (const auto* text :
       {"7", "d", "0d", "-1d", "1w", "1.5h", " 1d", "1d ", "3651d", "99999999999d", "d7", "7dd"}) {
    const auto said = refused({"prune", "--older-than", text});
    CHECK_MESSAGE(contains(said, text), said);
    CHECK_MESSAGE(contains(said, "7d"), said);
  }
  CHECK(contains(refused({"prune", "--keep", "-1"}), "--keep"));
  CHECK(contains(refused({"prune", "--keep", "x"}), "--keep"));
  CHECK(contains(refused({"prune", "--", "x"}), "'--' has no place here"));
}
