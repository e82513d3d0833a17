#include "core/workspace_plan.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace banger::core {

namespace {

void sort_once(std::vector<std::string>& words) {
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
}

} // namespace

workspace_plan plan_workspace(const workspace_listing& listing) {
  workspace_plan plan;
  std::map<std::string_view, char> changes;
  for (const auto& [letter, path] : listing.changes) {
    auto [at, is_new] = changes.emplace(path, letter);
    if (!is_new && letter != 'U')
      at->second = letter; // of an unmerged file, 'U' and how the work tree differs
  }
  std::set<std::string_view> filtered{listing.filtered.begin(), listing.filtered.end()};
  std::set<std::string_view> converted{listing.converted.begin(), listing.converted.end()};
  std::set<std::string_view> hidden{listing.hidden.begin(), listing.hidden.end()};
  for (const auto& entry : listing.index) {
    if (entry.mode == "160000") {
      plan.submodules.push_back(entry.path);
      continue;
    }
    plan.objects.push_back(entry.object);
    auto change = changes.find(entry.path);
    auto is_changed = change != changes.end();
    if (entry.tag == 'S' || entry.tag == 's') { // skip-worktree
      if (hidden.count(entry.path) > 0)
        plan.sent.push_back(entry.path);
      continue;
    }
    if (is_changed && change->second == 'D')
      continue;
    // git does not look at a file that it is to assume unchanged, so nobody knows.
    auto is_assumed = entry.tag >= 'a' && entry.tag <= 'z';
    auto is_filtered = filtered.count(entry.path) > 0;
    if (is_changed || is_assumed || is_filtered || converted.count(entry.path) > 0 ||
        entry.stage != 0)
      plan.sent.push_back(entry.path);
    else
      plan.made.push_back(entry.path);
    if (is_filtered)
      (is_changed ? plan.unsettled : plan.assumed).push_back(entry.path);
  }
  for (const auto& path : listing.untracked)
    (path.ends_with('/') ? plan.nested : plan.sent).push_back(path);
  for (auto* list : {&plan.made, &plan.sent, &plan.assumed, &plan.unsettled, &plan.objects,
                     &plan.submodules, &plan.nested})
    sort_once(*list);
  return plan;
}

std::vector<std::string> shallow_boundary(const std::vector<std::string>& commits,
                                          const std::vector<std::string>& already) {
  std::set<std::string> here;
  for (const auto& line : commits)
    here.insert(line.substr(0, line.find(' ')));
  std::vector<std::string> boundary;
  for (const auto& line : commits) {
    auto name = line.substr(0, line.find(' '));
    auto is_cut = std::find(already.begin(), already.end(), name) != already.end();
    for (auto at = line.find(' '); at != std::string::npos && !is_cut; at = line.find(' ', at + 1))
      is_cut = here.count(line.substr(at + 1, line.find(' ', at + 1) - at - 1)) == 0;
    if (is_cut)
      boundary.push_back(name);
  }
  sort_once(boundary);
  return boundary;
}

std::string workspace_name(std::string_view folder) {
  while (folder.ends_with('/'))
    folder.remove_suffix(1);
  auto slash = folder.rfind('/');
  auto name = slash == std::string_view::npos ? folder : folder.substr(slash + 1);
  return name == "." || name == ".." ? std::string{} : std::string{name};
}

} // namespace banger::core
