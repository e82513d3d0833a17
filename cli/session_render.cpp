#include "cli/session_render.hpp"

#include "cli/render.hpp"
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

} // namespace banger::cli
