#include "cli/parse_session.hpp"

#include "cli/detach_keys.hpp"
#include "cli/option_values.hpp"
#include "core/session_ref.hpp"
#include "core/signal_name.hpp"
#include "host/clock.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstring>
#include <ctime>

namespace banger::cli {

namespace {

/// A number of bytes, in all of what follows --from. @param digits  the part that is to be one
result<std::uint64_t> parse_offset(const std::string& text, const std::string& digits) {
  std::uint64_t value = 0;
  auto is_number = !digits.empty();
  for (auto c : digits) {
    is_number = is_number && c >= '0' && c <= '9' && value <= (UINT64_MAX - 9) / 10;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (!is_number)
    return fail(ec::bad_request, "--from '" + text + "' is no place in the output", "",
                "a byte's number, start, now or tail:BYTES");
  return value;
}

/// "TERM", "SIGTERM" or "15".
result<std::int32_t> parse_signal(const std::string& typed) {
  auto text = typed;
  for (auto& c : text)
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  if (auto number = core::parse_signal(text))
    return *number;
  return fail(ec::bad_request, "--signal '" + typed + "' is no signal", "",
              "like TERM, INT, USR1 or a number from 1 to 31");
}

/// "10m", for that long ago, or "2026-11-27T12:00:00Z".
result<std::int64_t> parse_since(const std::string& text) {
  std::tm parts{};
  const auto* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end != nullptr && (*end == '\0' || std::strcmp(end, "Z") == 0))
    return std::max<std::int64_t>(std::int64_t{::timegm(&parts)} * 1000, 1);
  std::uint32_t ago_ms = 0;
  if (!text.empty() && take_seconds(text, "--since", ago_ms))
    return host::unix_ms() - ago_ms;
  return fail(ec::bad_request, "--since '" + text + "' is no time", "",
              "like 10m, for so long ago, or 2026-11-27T12:00:00Z");
}

} // namespace

session_reader::session_reader(CLI::App& app, options& out, std::string& grace,
                               std::string& timeout)
    : out_(out), grace_(grace), timeout_(timeout) {
  group_ = app.add_subcommand(
      "session", "commands that go on in a VM without you, and many can watch and write to");
  group_->require_subcommand(1);
  group_->footer("The usual way:  banger session start VM -- COMMAND\n"
                 "What next:      banger session attach VM/NAME; banger session list");
  build_start();
  build_attach();
  build_send();
  build_looks();
  build_endings();
  build_removals();
}

CLI::App* session_reader::command(const std::string& name, verb what, const std::string& about,
                                  const std::string& footer) {
  auto* made = group_->add_subcommand(name, about);
  made->footer(footer);
  made->callback([this, what] { out_.what = what; });
  return made;
}

void session_reader::add_ref(CLI::App* to, const std::string& name, const std::string& about) {
  auto keep = [this](const std::string& ref) { out_.refs = {ref}; };
  to->add_option_function<std::string>(name, keep, about)->required();
}

void session_reader::add_refs(CLI::App* to) {
  to->add_option("VM/NAME", out_.refs, "sessions")->required();
}

void session_reader::build_start() {
  auto& config = out_.session.config;
  auto* start = command("start", verb::session_start, "start a command that outlives you",
                        "For example:  banger session start box --name tests -- make test\n"
                        "It prints the session's name. What next:  banger session attach VM/NAME");
  add_ref(start, "VM", "name or id");
  start->add_option("--name", config.name, "its name in the VM; chosen for you otherwise");
  start->add_option("-w,--cwd", out_.cwd, "folder of the guest to run it in (/root)");
  start->add_option("-e,--env", out_.env, "NAME=value for the command; may be given again")
      ->allow_extra_args(false);
  start->add_option("--stdin", input_, "pipe, closed or pty (pipe)")
      ->check(CLI::IsMember({"pipe", "closed", "pty"}));
  start->add_flag("-t,--tty", is_terminal_, "short for --stdin pty");
  start->add_flag("-a,--attach", out_.session.attaches, "attach to it at once");
  start->add_option("--window", window_, "whose size a terminal has: smallest or newest (smallest)")
      ->check(CLI::IsMember({"smallest", "newest"}));
  start->add_option("--tag", config.tags, "NAME=value, for you; may be given again")
      ->allow_extra_args(false);
  start->add_option("--require", config.required, "a command the guest must have; may be repeated")
      ->allow_extra_args(false);
  start->add_option("--journal", journal_, "how much output is kept, like 256M (64M)");
}

void session_reader::build_attach() {
  auto& asked = out_.session;
  auto* attach = command(
      "attach", verb::session_attach, "watch a session, and write to it",
      "For example:  banger session attach box/tests\n"
      "Ctrl-] leaves a terminal session, Ctrl-C one without; the command runs on. The exit status\n"
      "is the command's, 0 where you left, 254 where the attach broke off, 255 where it failed.");
  add_ref(attach, "VM/NAME", "the session");
  attach->add_option("--from", from_,
                     "where output begins: a byte's number, start, now or tail:BYTES\n"
                     "(start; of a terminal tail:16384)");
  attach->add_flag("--read-only", is_read_only_, "only watch");
  attach->add_flag("--exclusive", is_exclusive_, "be the only one who writes");
  attach->add_flag("--take-over", asked.takes_over, "with --exclusive: also from another one");
  attach->add_flag("--no-stdin", asked.ignores_stdin, "do not read stdin");
  attach->add_option("--detach-keys", keys_, "keys that leave a terminal, or none (ctrl-])");
}

void session_reader::build_send() {
  auto& asked = out_.session;
  auto* send = command("send", verb::session_send, "send input to a session",
                       "For example:  banger session send --line box/repl 'print(1)'\n"
                       "Without TEXT and --file: from stdin. It arrives whole, whatever others "
                       "send, and has arrived\nwhen this ends.");
  add_ref(send, "VM/NAME", "the session");
  send->add_option("TEXT", asked.texts, "what to send")->expected(0, -1);
  send->add_option("--file", asked.file, "send what is in a file");
  send->add_flag("--line", asked.adds_line, "with a line feed behind TEXT");
  send->add_flag("--eof", asked.sends_end, "then end the command's input");
}

void session_reader::build_looks() {
  auto* list = command("list", verb::session_list, "show sessions",
                       "What next:  banger session show VM/NAME");
  list->add_option("VM", out_.refs, "only those of this VM")->expected(0, 1);
  list->add_flag("-q,--quiet", out_.is_quiet, "names only");
  add_refs(command("show", verb::session_show, "show all about sessions",
                   "For programs:  banger session show VM/NAME --output json"));
  auto* logs = command("logs", verb::session_logs, "print what a session wrote",
                       "For example:  banger session logs -f --tail 20 box/tests");
  add_ref(logs, "VM/NAME", "the session");
  logs->add_flag("-f,--follow", out_.follows, "go on as more comes");
  logs->add_option("--stream", stream_, "stdout, stderr or both (both)")
      ->check(CLI::IsMember({"stdout", "stderr", "both"}));
  logs->add_option("--tail", lines_, "only the last so many lines");
  logs->add_option("--since", since_, "only what came since, like 10m or 2026-11-27T12:00:00Z");
  add_ref(command("who", verb::session_who, "show who is attached to a session",
                  "Who comes and goes is an event:  banger events"),
          "VM/NAME", "the session");
}

void session_reader::build_endings() {
  auto* wait = command("wait", verb::session_wait, "wait until a session's command has ended",
                       "The exit status is the command's.");
  add_ref(wait, "VM/NAME", "the session");
  wait->add_option("--timeout", timeout_, "like 30s, 5m or 1h (for ever)");
  auto* stop = command("stop", verb::session_stop, "end sessions' commands",
                       "By SIGTERM, and by SIGKILL where that does not do.");
  add_refs(stop);
  stop->add_option("--grace", grace_, "time to end by itself, like 30s (10s)");
  auto* kill = command("kill", verb::session_kill, "send a signal to sessions' commands",
                       "For example:  banger session kill --signal INT box/tests");
  add_refs(kill);
  kill->add_option("--signal", signal_, "like TERM, INT or 15 (KILL)");
}

void session_reader::build_removals() {
  auto& asked = out_.session;
  auto* gone = command("delete", verb::session_delete, "forget sessions and their output",
                       "There is no way back.");
  add_refs(gone);
  gone->add_flag("--force", asked.is_forced, "kill those that run");
  auto* prune = command("prune", verb::session_prune, "forget sessions that are over",
                        "For example:  banger session prune box --older-than 7d --keep 5\n"
                        "Those that run stay, and those that somebody is attached to. It asks "
                        "first, on a\nterminal; elsewhere it needs --yes. There is no way back.");
  prune->add_option("VM", out_.refs, "only those of these VMs")->expected(0, -1);
  prune->add_option("--older-than", older_than_, "only what ended so long ago, like 12h or 7d");
  constexpr std::uint32_t most_kept = 1'000'000;
  prune
      ->add_option("--keep", asked.spared.keep_newest,
                   "spare the newest so many of each VM that are over (0)")
      ->check(CLI::Range(std::uint32_t{0}, most_kept));
  prune->add_flag("-y,--yes", asked.is_agreed, "do not ask");
  prune->add_flag("--dry-run", asked.is_dry_run, "only show which would go");
}

result<void> session_reader::check_from() {
  auto& x = out_.session;
  x.has_origin = !from_.empty();
  if (from_.empty() || from_ == "start")
    return {};
  if (from_ == "now") {
    x.origin = output_origin::now;
    return {};
  }
  constexpr std::string_view tail = "tail:";
  const auto is_tail = from_.starts_with(tail);
  auto number = parse_offset(from_, is_tail ? from_.substr(tail.size()) : from_);
  if (!number)
    return tl::make_unexpected(number.error());
  x.origin = is_tail ? output_origin::last : output_origin::offset;
  x.from = *number;
  return {};
}

result<void> session_reader::check_roles() {
  auto& x = out_.session;
  if (is_read_only_ && is_exclusive_)
    return fail(ec::bad_request, "--read-only and --exclusive exclude each other");
  if (x.takes_over && !is_exclusive_)
    return fail(ec::bad_request, "--take-over goes with --exclusive");
  x.role = is_read_only_   ? attach_role::viewer
           : is_exclusive_ ? attach_role::exclusive
                           : attach_role::writer;
  auto keys = parse_detach_keys(keys_.empty() ? default_detach_keys : keys_);
  if (!keys)
    return tl::make_unexpected(keys.error());
  x.detach_keys = *keys;
  return {};
}

result<void> session_reader::check_logs() {
  auto& x = out_.session;
  x.shows_stdout = stream_ != "stderr";
  x.shows_stderr = stream_ != "stdout";
  if (!since_.empty() && !lines_.empty())
    return fail(ec::bad_request, "--since and --tail exclude each other");
  if (!since_.empty()) {
    auto since = parse_since(since_);
    if (!since)
      return tl::make_unexpected(since.error());
    x.since_ms = *since;
  }
  if (!lines_.empty()) {
    auto lines = parse_number(lines_, "--tail", 1'000'000);
    if (!lines)
      return tl::make_unexpected(lines.error());
    out_.tail_bytes = *lines;
  }
  return {};
}

result<void> session_reader::check() {
  auto& x = out_.session;
  if (is_terminal_ && input_ == "closed")
    return fail(ec::bad_request, "--tty and --stdin closed exclude each other");
  x.config.input = is_terminal_ || input_ == "pty" ? session_input_kind::pty
                   : input_ == "closed"            ? session_input_kind::closed
                                                   : session_input_kind::pipe;
  x.config.policy = window_ == "newest" ? window_policy::newest : window_policy::smallest;
  std::uint32_t journal_mib = 0;
  if (auto ok = take_size(journal_, "--journal", journal_mib); !ok)
    return ok;
  x.config.journal_cap = std::uint64_t{journal_mib} << 20;
  if (auto ok = take_age(older_than_, "--older-than", x.spared.least_age_ms); !ok)
    return ok;
  auto signal = parse_signal(signal_);
  if (!signal)
    return tl::make_unexpected(signal.error());
  x.signal = *signal;
  if (out_.what == verb::session_send) {
    if (out_.has_command)
      x.texts.insert(x.texts.end(), out_.command.begin(), out_.command.end());
    if (!x.texts.empty() && !x.file.empty())
      return fail(ec::bad_request, "TEXT and --file exclude each other");
    if (x.adds_line && x.texts.empty())
      return fail(ec::bad_request, "--line goes with TEXT");
  }
  if (out_.what == verb::session_start) {
    auto whole = x.config;
    whole.argv = out_.command;
    whole.env = out_.env;
    whole.cwd = out_.cwd;
    if (auto ok = core::check_session_config(whole); !ok)
      return fail(ok.error().code, ok.error().why.empty() ? ok.error().what : ok.error().why, {},
                  ok.error().hint);
  }
  if (auto ok = check_from(); !ok)
    return ok;
  if (auto ok = check_roles(); !ok)
    return ok;
  return check_logs();
}

} // namespace banger::cli
