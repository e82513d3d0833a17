#include "core/git_text.hpp"

#include <algorithm>
#include <array>

namespace banger::core {

namespace {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    auto end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

tl::unexpected<failure> not_understood(std::string_view line) {
  return fail(ec::failed, "read what git says",
              "cannot make sense of '" + std::string{line.substr(0, 200)} + "'");
}

} // namespace

result<std::vector<index_entry>> parse_index(std::string_view text) {
  std::vector<index_entry> entries;
  for (const auto& line : split(text, '\0')) {
    // "H 100644 0123... 0\tpath"
    auto tab = line.find('\t');
    if (tab == std::string::npos || line.size() < 2 || line[1] != ' ')
      return not_understood(line);
    auto words = split(std::string_view{line}.substr(2, tab - 2), ' ');
    if (words.size() != 3 || words[2].size() != 1 || words[2][0] < '0' || words[2][0] > '3')
      return not_understood(line);
    entries.push_back({line[0], words[0], words[1], words[2][0] - '0', line.substr(tab + 1)});
  }
  return entries;
}

std::vector<std::string> split_nul(std::string_view text) {
  return split(text, '\0');
}

std::string join_nul(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts)
    (text += part) += '\0';
  return text;
}

std::vector<std::string> split_lines(std::string_view text) {
  return split(text, '\n');
}

result<std::vector<std::pair<char, std::string>>> parse_name_status(std::string_view text) {
  auto parts = split(text, '\0');
  if (parts.size() % 2 != 0)
    return not_understood(text);
  std::vector<std::pair<char, std::string>> changes;
  for (std::size_t i = 0; i < parts.size(); i += 2) {
    if (parts[i].size() != 1)
      return not_understood(parts[i]);
    changes.emplace_back(parts[i][0], parts[i + 1]);
  }
  return changes;
}

std::vector<std::pair<std::string, std::string>> parse_config(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> settings;
  for (const auto& part : split(text, '\0')) {
    auto end = part.find('\n');
    settings.emplace_back(part.substr(0, end),
                          end == std::string::npos ? "true" : part.substr(end + 1));
  }
  return settings;
}

std::string without_credentials(std::string_view url) {
  auto scheme = url.find("://");
  if (scheme == std::string_view::npos)
    return std::string{url};
  auto start = scheme + 3;
  auto authority = url.substr(start, url.find('/', start) - start);
  auto at = authority.rfind('@');
  if (at == std::string_view::npos)
    return std::string{url};
  std::string kept{url.substr(0, start)};
  auto user = authority.substr(0, at);
  if (url.substr(0, scheme).find("ssh") != std::string_view::npos &&
      user.find(':') == std::string_view::npos)
    (kept += user) += '@';
  return kept += url.substr(start + at + 1);
}

bool may_be_carried(std::string_view name) {
  // git prints section and variable in lower case; between them a subsection may stand.
  constexpr std::array names{"core.autocrlf",
                             "core.eol",
                             "core.safecrlf",
                             "core.filemode",
                             "core.symlinks",
                             "core.ignorecase",
                             "core.quotepath",
                             "core.whitespace",
                             "core.abbrev",
                             "core.sparsecheckout",
                             "core.commentchar",
                             "core.sparsecheckoutcone",
                             "user.name",
                             "user.email",
                             "pull.rebase",
                             "pull.ff",
                             "push.default",
                             "merge.conflictstyle",
                             "diff.algorithm",
                             "diff.renames",
                             "diff.ignoresubmodules",
                             "status.showuntrackedfiles",
                             "status.renames",
                             "status.submodulesummary",
                             "init.defaultbranch",
                             "rebase.autosquash",
                             "rebase.autostash"};
  constexpr std::array<std::pair<const char*, const char*>, 11> of_subsections{
      {{"remote.", ".url"},
       {"remote.", ".pushurl"},
       {"remote.", ".fetch"},
       {"branch.", ".remote"},
       {"branch.", ".merge"},
       {"branch.", ".rebase"},
       {"submodule.", ".url"},
       {"submodule.", ".path"},
       {"submodule.", ".branch"},
       {"submodule.", ".active"},
       {"submodule.", ".ignore"}}};
  if (std::find(names.begin(), names.end(), name) != names.end())
    return true;
  return std::any_of(of_subsections.begin(), of_subsections.end(), [&](const auto& x) {
    return name.starts_with(x.first) && name.ends_with(x.second);
  });
}

namespace {

std::string quoted(std::string_view text, bool is_value) {
  std::string out{"\""};
  for (char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    if (c == '\n' && is_value)
      out += "\\n";
    else
      out += c;
  }
  return out += '"';
}

} // namespace

std::string config_text(const std::vector<std::pair<std::string, std::string>>& settings) {
  std::string text;
  for (const auto& [name, value] : settings) {
    auto first = name.find('.'), last = name.rfind('.');
    text += "[" + name.substr(0, first);
    if (first < last)
      text += " " + quoted(std::string_view{name}.substr(first + 1, last - first - 1), false);
    text += "]\n\t" + name.substr(last + 1) + " = " + quoted(value, true) + "\n";
  }
  return text;
}

} // namespace banger::core
