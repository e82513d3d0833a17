#include "core/shell_quote.hpp"

namespace banger::core {

std::string shell_quote(std::string_view word) {
  std::string out = "'";
  for (char c : word) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out += '\'';
}

std::string shell_command(const std::vector<std::string>& argv, const std::vector<std::string>& env,
                          std::string_view cwd) {
  std::string out;
  if (!cwd.empty())
    out += "cd -- " +
           shell_quote(cwd.starts_with('/') ? std::string{cwd} : "./" + std::string{cwd}) + " && ";
  out += "exec";
  if (!env.empty())
    out += " env";
  for (const auto& x : env)
    out += " " + shell_quote(x);
  for (const auto& x : argv)
    out += " " + shell_quote(x);
  return out;
}

} // namespace banger::core
