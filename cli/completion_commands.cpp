// banger completion, and what the shells' scripts ask of it while somebody types.
#include "cli/commands.hpp"
#include "cli/completion_scripts.hpp"
#include "cli/parse_complete.hpp"
#include "cli/render.hpp"
#include "cli/session.hpp"
#include "cli/session_render.hpp"

#include <algorithm>

namespace banger::cli {

namespace {

/// Somebody waits with a finger on a key: rather nothing than late.
constexpr std::chrono::milliseconds patience{1'000};

template <class Reply, class Request>
result<Reply> ask(const host::paths& where, const Request& request) {
  auto link = client::connection::open(where.socket, patience);
  if (!link)
    return tl::make_unexpected(link.error());
  return link->ask<Reply>(request, patience);
}

std::vector<candidate> names(const host::paths& where, names_of wanted) {
  std::vector<candidate> all;
  if (wanted == names_of::vms) {
    if (auto found = ask<vm_list>(where, list_vms{}))
      for (const auto& x : found->vms)
        all.push_back({x.name, to_string(x.state)});
  } else if (wanted == names_of::sessions) {
    if (auto found = ask<session_list>(where, list_sessions{}))
      for (const auto& x : found->sessions)
        all.push_back({x.vm_name + "/" + x.config.name, session_state_text(x)});
  } else if (wanted == names_of::images) {
    if (auto found = ask<image_list>(where, list_images{}))
      for (const auto& x : found->images)
        all.push_back({x.name, x.suite});
  }
  return all;
}

bool is_wanted(const completion& what, const candidate& x) {
  return x.text.starts_with(what.typed) &&
         std::find(what.given.begin(), what.given.end(), x.text) == what.given.end();
}

std::string line_of(const candidate& x) {
  return x.text + (x.about.empty() ? "" : "\t" + printable(x.about)) + "\n";
}

} // namespace

int print_completion(const options& how) {
  print(how.shell == "bash"  ? bash_completion
        : how.shell == "zsh" ? zsh_completion
                             : fish_completion);
  return core::exit_ok;
}

int complete_line(const result<host::paths>& where, const std::vector<std::string>& words) {
  const auto what = complete(words);
  std::string text;
  for (const auto& x : what.words)
    text += line_of(x);
  if (what.wanted == names_of::files)
    text += ":files\n";
  else if (what.wanted != names_of::nothing && where)
    for (const auto& x : names(*where, what.wanted))
      if (is_wanted(what, x))
        text += line_of({what.before + x.text, x.about});
  print(text);
  return core::exit_ok;
}

} // namespace banger::cli
