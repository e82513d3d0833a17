#include "cli/workspace_find.hpp"

#include "cli/guest_script.hpp"
#include "core/git_text.hpp"
#include "core/workspace_script.hpp"
#include "workspace/snapshot.hpp"

#include <cstdlib>
#include <nlohmann/json.hpp>

namespace banger::cli {

namespace {

constexpr std::string_view heads = "refs/heads/";

std::string short_branch(std::string_view ref) {
  return std::string{ref.starts_with(heads) ? ref.substr(heads.size()) : std::string_view{}};
}

/// What banger wrote when it made the workspace; the guest may have written something else since.
void take_record(const std::string& text, workspace_state& x) {
  auto record = nlohmann::json::parse(text, nullptr, false);
  if (!record.is_object())
    return;
  auto word = [&](const char* name) {
    auto at = record.find(name);
    return at != record.end() && at->is_string() ? at->get<std::string>() : std::string{};
  };
  x.source = word("source");
  x.mode = word("mode");
  x.head = word("head");
  x.branch = short_branch(word("branch"));
  x.tree = word("tree");
  auto untracked = record.find("has_untracked");
  x.untracked.all = untracked != record.end() && untracked->is_boolean() && untracked->get<bool>();
  auto also = record.find("also");
  if (also != record.end() && also->is_array())
    for (const auto& path : *also)
      if (path.is_string())
        x.untracked.also.push_back(path.get<std::string>());
  auto at = record.find("prepared_at_ms");
  x.prepared_at_ms = at != record.end() && at->is_number_integer() ? at->get<std::int64_t>() : 0;
}

} // namespace

result<std::vector<std::string>> workspaces_of(session& talk, const std::string& vm) {
  auto end = run_script(talk, vm, core::list_workspaces_script());
  if (!end)
    return tl::make_unexpected(end.error());
  if (end->status != 0)
    return tl::make_unexpected(script_failure("list the workspaces of vm '" + vm + "'", *end));
  return core::split_nul(end->out);
}

result<std::string> pick_workspace(session& talk, const std::string& vm) {
  const auto& wanted = talk.how().workspace.guest_path;
  if (!wanted.empty())
    return wanted;
  auto all = workspaces_of(talk, vm);
  if (!all)
    return tl::make_unexpected(all.error());
  auto title = "find the workspace of vm '" + vm + "'";
  if (all->empty())
    return fail(ec::not_found, title, "it has none",
                "banger workspace prepare " + vm + " PATH makes one");
  if (all->size() > 1)
    return fail(ec::bad_request, title, "it has " + std::to_string(all->size()),
                "--guest-path says which; the first is " + all->front());
  return all->front();
}

result<workspace_state> ask_workspace(session& talk, const std::string& vm,
                                      const std::string& guest_path) {
  auto title = "look at the workspace of vm '" + vm + "'";
  auto end = run_script(talk, vm, core::status_script(guest_path));
  if (!end)
    return tl::make_unexpected(end.error());
  if (end->status != 0)
    return tl::make_unexpected(script_failure(title, *end));
  auto parts = core::split_nul(end->out);
  constexpr std::size_t fixed = 4;
  if (parts.size() < fixed)
    return fail(ec::failed, title, "its answer is not whole");
  workspace_state x;
  x.vm = vm;
  x.guest_path = guest_path;
  take_record(parts[0], x);
  x.guest_head = parts[1];
  x.guest_branch = short_branch(parts[2]);
  x.guest_commits = std::strtoull(parts[3].c_str(), nullptr, 10);
  parts.erase(parts.begin(), parts.begin() + fixed);
  auto changes = core::parse_name_status(core::join_nul(parts));
  if (!changes)
    return tl::make_unexpected(changes.error());
  x.guest_changes = std::move(*changes);
  return x;
}

void compare_with_host(session& talk, const std::string& work_parent, workspace_state& x) {
  auto cancel = talk.signals().fd();
  auto now = [&]() -> result<std::string> {
    auto where = workspace::find_repository(x.source, cancel);
    if (!where)
      return tl::make_unexpected(where.error());
    auto folder = workspace::work_folder::make(work_parent);
    if (!folder)
      return tl::make_unexpected(folder.error());
    x.host_head = where->head;
    return workspace::name_content(*where, x.untracked, folder->path(), cancel);
  }();
  x.is_host_known = now.has_value();
  if (!now)
    x.host_problem = now.error().why.empty() ? now.error().what : now.error().why;
  else
    x.is_host_changed = *now != x.tree;
}

} // namespace banger::cli
