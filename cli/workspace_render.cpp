#include "cli/workspace_render.hpp"

#include "cli/json_values.hpp"
#include "cli/render.hpp"

namespace banger::cli {

namespace {

record to_record(const std::vector<std::pair<char, std::string>>& changes) {
  auto all = record::array();
  for (const auto& [letter, path] : changes)
    all.push_back({{"change", std::string{letter}}, {"path", path}});
  return all;
}

std::string short_commit(const std::string& commit) {
  constexpr std::size_t length = 12;
  return commit.empty() ? "no commit" : commit.substr(0, length);
}

std::string place(const std::string& head, const std::string& branch) {
  return short_commit(head) + (branch.empty() ? "" : " (" + branch + ")");
}

std::string host_line(const workspace_state& x) {
  if (!x.is_host_known)
    return "not known: " + x.host_problem;
  if (x.host_head != x.head)
    return "at " + short_commit(x.host_head) + ", which is another commit";
  return x.is_host_changed ? "other changes in the same commit" : "as it was prepared";
}

std::string guest_line(const workspace_state& x) {
  if (x.guest_changes.empty() && x.guest_commits == 0)
    return x.guest_head == x.head ? "as it was prepared"
                                  : "at " + place(x.guest_head, x.guest_branch);
  return std::to_string(x.guest_changes.size()) +
         (x.guest_changes.size() == 1 ? " file" : " files") + " changed, " +
         std::to_string(x.guest_commits) + (x.guest_commits == 1 ? " commit" : " commits") +
         " made, at " + place(x.guest_head, x.guest_branch);
}

} // namespace

std::string change_lines(const std::vector<std::pair<char, std::string>>& changes) {
  constexpr std::size_t most = 40;
  std::string lines;
  for (std::size_t i = 0; i < changes.size() && i < most; ++i)
    lines += std::string{"  "} + changes[i].first + " " + printable(changes[i].second) + "\n";
  if (changes.size() > most)
    lines += "  and " + std::to_string(changes.size() - most) + " more\n";
  return lines;
}

std::string workspace_details(const workspace_state& x, std::int64_t now_ms) {
  return table({{"workspace", x.vm + ":" + x.guest_path},
                {"source", x.source},
                {"prepared",
                 duration(now_ms - x.prepared_at_ms) + " ago, at " + place(x.head, x.branch)},
                {"host", host_line(x)},
                {"guest", guest_line(x)}}) +
         change_lines(x.guest_changes);
}

std::string json(const workspace_info& x) {
  return to_text({{"vm", x.vm},
                  {"guest_path", x.guest_path},
                  {"source", x.source},
                  {"mode", x.mode},
                  {"head", text(x.head)},
                  {"branch", text(x.branch)},
                  {"commits", x.commits},
                  {"made_files", x.made_files},
                  {"sent_files", x.counts_sent ? record(x.sent_files) : record(nullptr)},
                  {"sent_bytes", x.sent_bytes},
                  {"duration_ms", x.duration_ms},
                  {"warnings", x.warnings}});
}

std::string json(const workspace_state& x) {
  return to_text({{"vm", x.vm},
                  {"guest_path", x.guest_path},
                  {"source", text(x.source)},
                  {"mode", text(x.mode)},
                  {"has_untracked", x.untracked.all},
                  {"prepared_at_ms", x.prepared_at_ms},
                  {"head", text(x.head)},
                  {"branch", text(x.branch)},
                  {"guest",
                   {{"head", text(x.guest_head)},
                    {"branch", text(x.guest_branch)},
                    {"commits", x.guest_commits},
                    {"changes", to_record(x.guest_changes)}}},
                  {"host",
                   {{"is_known", x.is_host_known},
                    {"problem", text(x.host_problem)},
                    {"head", text(x.host_head)},
                    {"is_changed", x.is_host_changed}}}});
}

std::string workspace_list_json(const std::string& vm, const std::vector<std::string>& paths) {
  auto all = record::array();
  for (const auto& path : paths)
    all.push_back({{"vm", vm}, {"guest_path", path}});
  return to_text({{"workspaces", all}});
}

std::string sync_json(const std::string& vm, const std::string& path, bool to_host, bool is_done,
                      const std::vector<std::pair<char, std::string>>& changes) {
  return to_text({{"vm", vm},
                  {"guest_path", path},
                  {"to", to_host ? "host" : "guest"},
                  {"is_done", is_done},
                  {"changes", to_record(changes)}});
}

} // namespace banger::cli
