// banger session prune: all that is over, at once. A list and deletes; the daemon knows no other
// order for it.
#include "core/session_prune.hpp"
#include "cli/commands.hpp"
#include "cli/render.hpp"
#include "cli/session.hpp"
#include "host/clock.hpp"

namespace banger::cli {

namespace {

std::string title(const session_info& x) {
  return x.vm_name + "/" + x.config.name;
}

/// Of all VMs where none are named. One that is not there ends it before anything is deleted.
result<std::vector<session_info>> list_of(client::connection& link,
                                          const std::vector<std::string>& vms) {
  std::vector<session_info> all;
  for (const auto& vm : vms.empty() ? std::vector<std::string>{{}} : vms) {
    auto found = link.ask<session_list>(list_sessions{vm}, quick_limit);
    if (!found)
      return tl::make_unexpected(found.error());
    all.insert(all.end(), found->sessions.begin(), found->sessions.end());
  }
  return all;
}

bool agrees(const std::vector<session_info>& going) {
  std::string question;
  for (const auto& x : going)
    question += title(x) + "\n";
  return ask_yes(question + "delete " +
                 (going.size() == 1
                      ? "this session and its output"
                      : "these " + std::to_string(going.size()) + " sessions and their output") +
                 "?");
}

int show(const std::vector<session_info>& going, const options& how) {
  if (how.is_json)
    print(json(session_list{going}));
  else
    for (const auto& x : going)
      print("would delete " + title(x) + "\n");
  return core::exit_ok;
}

/// By their ids: a name may be another session's by now. Of those that are gone already nothing is
/// said.
int remove(session& talk, const std::vector<session_info>& going) {
  std::vector<std::string> refs;
  std::vector<std::uint64_t> numbers;
  for (const auto& x : going) {
    refs.push_back(title(x));
    numbers.push_back(talk.link().send(delete_session{x.vm_name + "/" + x.id, false}));
  }
  auto outcomes = talk.outcomes<session_info>(refs, numbers);
  if (!outcomes)
    return report(outcomes.error(), talk.how());
  std::erase_if(*outcomes, [](const outcome<session_info>& x) {
    return !x.value && x.value.error().code == ec::not_found;
  });
  return tell(*outcomes, talk.how(),
              [](const session_info& x) { print("deleted " + title(x) + "\n"); });
}

} // namespace

int session_prune(client::connection link, const options& how) {
  const auto& asked = how.session;
  if (!asked.is_agreed && !asked.is_dry_run && !can_ask())
    return report({ec::bad_request, "prune sessions", "there is nobody to ask",
                   "with --yes it does not ask; --dry-run shows which would go"},
                  how);
  auto all = list_of(link, how.refs);
  if (!all)
    return report(all.error(), how);
  const auto going = core::to_prune(*all, asked.spared, host::unix_ms());
  if (asked.is_dry_run)
    return show(going, how);
  if (!going.empty() && !asked.is_agreed && !agrees(going))
    return report({ec::failed, "prune sessions", "nothing was deleted", {}}, how);
  session talk{std::move(link), how};
  return remove(talk, going);
}

} // namespace banger::cli
