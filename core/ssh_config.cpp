#include "core/ssh_config.hpp"

#include "core/shell_quote.hpp"

namespace banger::core {

namespace {

std::string without_tokens(const std::string& text) {
  std::string out;
  for (char c : text) {
    out += c;
    if (c == '%') // else it starts a token: ssh_config(5), TOKENS
      out += c;
  }
  return out;
}

std::string quoted(const std::string& path) {
  return "\"" + path + "\"";
}

/// Takes the next line off `rest`, with its line feed.
std::string_view take_line(std::string_view& rest) {
  auto line = rest.substr(0, rest.find('\n') + 1);
  if (line.empty())
    line = rest;
  rest.remove_prefix(line.size());
  return line;
}

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view blank = " \t\r\n";
  auto first = line.find_first_not_of(blank);
  if (first == std::string_view::npos)
    return {};
  return line.substr(first, line.find_last_not_of(blank) - first + 1);
}

bool has_line(std::string_view text, std::string_view wanted) {
  while (!text.empty())
    if (trimmed(take_line(text)) == wanted)
      return true;
  return false;
}

} // namespace

std::string render_ssh_config(const ssh_config_values& values) {
  std::string text = "# Written by 'banger ssh-config --install'; changes here are lost.\n"
                     "Host *.vm\n"
                     "  User root\n"
                     "  IdentityFile " +
                     quoted(without_tokens(values.private_key)) +
                     "\n"
                     "  IdentitiesOnly yes\n";
  if (!values.known_hosts.empty())
    text += "  UserKnownHostsFile " + quoted(without_tokens(values.known_hosts)) + "\n";
  return text + "  GlobalKnownHostsFile none\n" + "  StrictHostKeyChecking " +
         (values.known_hosts.empty() ? "yes" : "accept-new") +
         "\n"
         "  CheckHostIP no\n"
         "  UpdateHostKeys no\n"
         "  ProxyUseFdpass yes\n"
         "  ProxyCommand " +
         without_tokens(shell_quote(values.program)) + " ssh-proxy %h\n";
}

std::string include_line(const std::string& path) {
  return "Include " + quoted(path);
}

std::string with_include(std::string_view text, const std::string& path) {
  auto line = include_line(path);
  if (has_line(text, line))
    return std::string{text};
  return line + "\n" + std::string{text};
}

std::string without_include(std::string_view text, const std::string& path) {
  auto unwanted = include_line(path);
  std::string out;
  while (!text.empty()) {
    auto line = take_line(text);
    if (trimmed(line) != unwanted)
      out += line;
  }
  return out;
}

} // namespace banger::core
