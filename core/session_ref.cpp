#include "core/session_ref.hpp"

#include "core/vm_name.hpp"

#include <algorithm>

namespace banger::core {

namespace {

constexpr std::size_t longest_stem = 40;
constexpr std::size_t most_text = 2U
                                  << 20; ///< of all of a command's, in bytes; the guest takes 4 MiB
constexpr std::uint64_t least_journal = 64U << 10;

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/// What is left of a path that a name may have in it.
std::string stem_of(std::string_view program) {
  program.remove_prefix(program.rfind('/') == std::string_view::npos ? 0 : program.rfind('/') + 1);
  std::string stem;
  for (auto c : program.substr(0, longest_stem)) {
    const auto lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (is_alnum(lower))
      stem.push_back(lower);
    else if (!stem.empty() && stem.back() != '-')
      stem.push_back('-');
  }
  while (!stem.empty() && stem.back() == '-')
    stem.pop_back();
  return stem.empty() ? "session" : stem;
}

bool has_nul(const std::vector<std::string>& texts) {
  return std::any_of(texts.begin(), texts.end(),
                     [](const auto& x) { return x.find('\0') != std::string::npos; });
}

std::size_t size_of(const std::vector<std::string>& texts) {
  std::size_t all = 0;
  for (const auto& x : texts)
    all += x.size() + 1;
  return all;
}

} // namespace

result<session_ref> split_session_ref(std::string_view ref) {
  const auto slash = ref.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == ref.size())
    return fail(ec::bad_request, "'" + std::string{ref} + "' is no session",
                "a session is named VM/NAME", "banger session list");
  return session_ref{std::string{ref.substr(0, slash)}, std::string{ref.substr(slash + 1)}};
}

std::string session_name_for(const std::vector<std::string>& argv,
                             const std::vector<std::string>& taken) {
  const auto stem = stem_of(argv.empty() ? std::string_view{} : argv.front());
  for (std::size_t number = 1;; ++number) {
    auto name = stem + "-" + std::to_string(number);
    if (std::find(taken.begin(), taken.end(), name) == taken.end())
      return name;
  }
}

result<void> check_session_config(const session_config& x) {
  const std::string what = "start a session";
  if (x.argv.empty() || x.argv.front().empty())
    return fail(ec::bad_request, what, "there is no command", "banger session start VM -- COMMAND");
  if (!x.name.empty())
    if (auto ok = check_vm_name(x.name); !ok)
      return fail(ec::bad_request, what, to_string(ok.error()), ok.error().hint);
  if (has_nul(x.argv) || has_nul(x.env) || has_nul(x.tags) || has_nul(x.required) ||
      x.cwd.find('\0') != std::string::npos)
    return fail(ec::bad_request, what, "there is a NUL in its command, environment or tags");
  for (const auto* list : {&x.env, &x.tags})
    for (const auto& pair : *list)
      if (pair.find('=') == std::string::npos || pair.front() == '=')
        return fail(ec::bad_request, what, "'" + pair + "' is not NAME=value");
  for (const auto& command : x.required)
    if (command.empty() || command.find('/') != std::string::npos)
      return fail(ec::bad_request, what, "'" + command + "' is no name of a command");
  if (size_of(x.argv) + size_of(x.env) + size_of(x.tags) + size_of(x.required) + x.cwd.size() >
      most_text)
    return fail(ec::bad_request, what, "its command and environment have more than 2 MiB",
                "put it into a file in the guest");
  if (x.journal_cap != 0 && x.journal_cap < least_journal)
    return fail(ec::bad_request, what, "less than 64 KiB of output cannot be kept");
  return {};
}

} // namespace banger::core
