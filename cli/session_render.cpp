#include "cli/session_render.hpp"

#include "cli/json_record.hpp"
#include "cli/render.hpp"
#include "core/base64.hpp"
#include "core/shell_quote.hpp"

#include <csignal>
#include <cstring>

namespace banger::cli {

namespace {

std::string signal_name(std::int32_t number) {
  const char* name = ::sigabbrev_np(number);
  return name != nullptr ? "SIG" + std::string{name} : "signal " + std::to_string(number);
}

bool is_plain(const std::string& word) {
  return !word.empty() && word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
                                                 "XYZ0123456789@%+=:,./_-") == std::string::npos;
}

/// A command as one would type it, on one line.
std::string command_text(const session_config& config) {
  std::string line;
  for (const auto& word : config.argv)
    line += (line.empty() ? "" : " ") + (is_plain(word) ? word : core::shell_quote(word));
  return printable(line);
}

std::string short_command(const session_config& config) {
  constexpr std::size_t most = 48;
  auto line = command_text(config);
  if (line.size() <= most)
    return line;
  auto end = most - 3;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80)
    --end; // not within a character of UTF-8
  return line.substr(0, end) + "...";
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words)
    out += (out.empty() ? "" : " ") + printable(word);
  return out;
}

std::string when(std::int64_t at_ms, std::int64_t now_ms) {
  return at_ms == 0 ? "" : duration(now_ms - at_ms) + " ago";
}

std::string window_text(const window_size& x) {
  return x.rows == 0 ? "" : std::to_string(x.rows) + " x " + std::to_string(x.columns);
}

} // namespace

std::string session_state_text(const session_info& x) {
  switch (x.state) {
    case session_state::exited:
      return x.signal != 0 ? "ended by " + signal_name(x.signal)
                           : "exited with " + std::to_string(x.exit_code);
    case session_state::failed:
    case session_state::lost: return to_string(x.state) + ": " + printable(x.error);
    case session_state::starting:
    case session_state::running:
    case session_state::stopping: break;
  }
  return to_string(x.state);
}

std::string session_table(const std::vector<session_info>& all, std::int64_t now_ms) {
  std::vector<std::vector<std::string>> rows{{"SESSION", "STATE", "STARTED", "CLIENTS", "COMMAND"}};
  for (const auto& x : all) {
    const auto is_told_apart = x.state == session_state::failed || x.state == session_state::lost;
    rows.push_back({x.vm_name + "/" + x.config.name,
                    is_told_apart ? to_string(x.state) : session_state_text(x),
                    x.started_at_ms == 0 ? "-" : when(x.started_at_ms, now_ms),
                    std::to_string(x.client_count), short_command(x.config)});
  }
  return table(rows);
}

std::string session_details(const session_info& x, std::int64_t now_ms) {
  const auto& config = x.config;
  std::vector<std::vector<std::string>> rows;
  auto add = [&](const char* what, const std::string& text) {
    if (!text.empty())
      rows.push_back({std::string{what} + ":", text});
  };
  add("session", x.vm_name + "/" + config.name);
  add("id", x.id);
  add("state", session_state_text(x));
  add("failed step", x.error_step);
  add("command", command_text(config));
  add("folder", printable(config.cwd));
  add("environment", joined(config.env));
  add("input", to_string(config.input));
  add("tags", joined(config.tags));
  add("required", joined(config.required));
  add("created", when(x.created_at_ms, now_ms));
  add("started", when(x.started_at_ms, now_ms));
  add("ended", when(x.ended_at_ms, now_ms));
  if (is_over(x.state))
    add("output",
        x.end_offset < 1024 ? std::to_string(x.end_offset) + " bytes" : bytes(x.end_offset));
  add("clients", x.client_count == 0 ? "" : std::to_string(x.client_count));
  return table(rows);
}

std::string attach_table(const attach_list& all, std::int64_t now_ms) {
  std::vector<std::vector<std::string>> rows{
      {"CLIENT", "ROLE", "SINCE", "AT BYTE", "LAG", "SENT", "WINDOW"}};
  for (const auto& x : all.attaches)
    rows.push_back({printable(x.client), to_string(x.role), when(x.since_ms, now_ms),
                    std::to_string(x.offset), std::to_string(x.lag), std::to_string(x.input_bytes),
                    window_text(x.window)});
  return table(rows);
}

// -- JSON
// ----------------------------------------------------------------------------------------------

namespace {

record pairs_of(const std::vector<std::string>& pairs) {
  auto all = record::object();
  for (const auto& pair : pairs) {
    const auto equals = pair.find('=');
    all[pair.substr(0, equals)] = equals == std::string::npos ? "" : pair.substr(equals + 1);
  }
  return all;
}

record window_of(const window_size& x) {
  return x.rows == 0 ? record(nullptr) : record{{"rows", x.rows}, {"columns", x.columns}};
}

record to_record(const session_info& x) {
  const auto has_code = x.state == session_state::exited && x.signal == 0;
  return {{"id", x.id},
          {"name", x.config.name},
          {"vm_name", x.vm_name},
          {"state", to_string(x.state)},
          {"argv", x.config.argv},
          {"env", x.config.env},
          {"cwd", text(x.config.cwd)},
          {"input", to_string(x.config.input)},
          {"window", window_of(x.config.window)},
          {"window_policy", to_string(x.config.policy)},
          {"tags", pairs_of(x.config.tags)},
          {"required", x.config.required},
          {"journal_cap", number(x.config.journal_cap)},
          {"created_at_ms", number(x.created_at_ms)},
          {"started_at_ms", number(x.started_at_ms)},
          {"ended_at_ms", number(x.ended_at_ms)},
          {"exit_code", has_code ? record(x.exit_code) : record(nullptr)},
          {"signal", number(x.signal)},
          {"error", text(x.error)},
          {"error_step", text(x.error_step)},
          {"end_offset", is_over(x.state) ? record(x.end_offset) : record(nullptr)},
          {"client_count", x.client_count}};
}

record to_record(const attach_info& x) {
  return {{"client", x.client},
          {"role", to_string(x.role)},
          {"since_ms", x.since_ms},
          {"offset", x.offset},
          {"lag", x.lag},
          {"input_bytes", x.input_bytes},
          {"window", window_of(x.window)}};
}

template <class T>
record list_of(const std::vector<T>& all) {
  auto items = record::array();
  for (const auto& x : all)
    items.push_back(to_record(x));
  return items;
}

bool is_utf8(const std::string& bytes) {
  return record(bytes).dump(-1, ' ', false, record::error_handler_t::ignore) ==
         record(bytes).dump(-1, ' ', false, record::error_handler_t::replace);
}

} // namespace

std::string json(const session_info& x) {
  return print(to_record(x));
}

std::string json(const session_list& all) {
  return print({{"sessions", list_of(all.sessions)}});
}

std::string json(const attach_list& all) {
  return print({{"session", to_record(all.session)}, {"attaches", list_of(all.attaches)}});
}

std::string json(const std::vector<outcome<session_info>>& outcomes) {
  auto items = record::array();
  for (const auto& x : outcomes)
    items.push_back({{"ref", x.ref},
                     {"ok", x.value.has_value()},
                     {"session", x.value ? to_record(*x.value) : record(nullptr)},
                     {"error", x.value ? record(nullptr) : error_record(x.value.error())}});
  return print({{"results", items}});
}

std::string output_json(const attach_output& x) {
  const auto is_text = is_utf8(x.bytes);
  return print({{"type", "output"},
                {"stream", x.is_stderr ? "stderr" : "stdout"},
                {"offset", x.offset},
                {"size", x.bytes.size()},
                {"text", is_text ? record(x.bytes) : record(nullptr)},
                {"base64", is_text ? record(nullptr) : record(core::base64_encode(x.bytes))}},
               -1);
}

std::string gap_json(const attach_gap& x) {
  return print({{"type", "gap"}, {"from", x.from}, {"to", x.to}}, -1);
}

std::string notice_json(const std::string& what) {
  return print({{"type", "notice"}, {"text", what}}, -1);
}

std::string end_json(const session_info& x) {
  return print({{"type", "end"}, {"session", to_record(x)}}, -1);
}

} // namespace banger::cli
