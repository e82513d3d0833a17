#include "workspace/history.hpp"

#include "core/git_text.hpp"
#include "host/files.hpp"

#include <algorithm>
#include <cstdlib>

namespace banger::workspace {

namespace {

class chooser {
public:
  chooser(const repository& where, const git& program, const history_request& request)
      : where_(where), real_(program), request_(request) {}

  result<history> choose() {
    if (auto ok = find_heads(); !ok)
      return tl::make_unexpected(ok.error());
    if (auto ok = choose_history(); !ok)
      return tl::make_unexpected(ok.error());
    out_.is_whole = request_.is_whole;
    return std::move(out_);
  }

private:
  /// The commits that have to be there: HEAD, those of a merge that is not over, and `from`.
  result<void> find_heads() {
    if (!where_.head.empty())
      heads_.push_back(where_.head);
    for (const auto* name : {"MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"})
      for (const auto& line : core::split_lines(git_file(where_.git_dir + "/" + name)))
        heads_.push_back(line);
    if (!request_.from.empty()) {
      auto commit = real_.run(
          {"rev-parse", "--verify", "--quiet", "--end-of-options", request_.from + "^{commit}"});
      if (!commit)
        return tl::make_unexpected(commit.error());
      if (commit->status != 0)
        return fail(ec::not_found, "take branch '" + request_.from + "' along",
                    "the repository has no such commit", "git branch --all shows branches");
      out_.from = commit->out.substr(0, commit->out.find('\n'));
      heads_.push_back(out_.from);
    }
    return {};
  }

  /// The newest `count` commits, each with its parents; 0: all. Of the other heads one each.
  result<std::vector<std::string>> commits(std::uint32_t count) {
    std::vector<std::string> lines;
    for (const auto& head : heads_) {
      std::vector<std::string> line{"rev-list", "--parents"};
      if (count == 0)
        line.push_back("--branches");
      if (count != 0)
        line.push_back("--max-count=" + std::to_string(head == where_.head ? count : 1));
      line.push_back(head);
      auto text = real_.output(line);
      if (!text)
        return tl::make_unexpected(text.error());
      for (auto& each : core::split_lines(*text))
        lines.push_back(std::move(each));
    }
    std::sort(lines.begin(), lines.end());
    lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
    return lines;
  }

  result<std::uint64_t> disk_usage(const std::vector<std::string>& commits) {
    auto text =
        real_.output({"rev-list", "--objects", "--no-walk=unsorted", "--disk-usage", "--stdin"},
                     names_of(commits));
    return text ? result<std::uint64_t>{std::strtoull(text->c_str(), nullptr, 10)}
                : tl::make_unexpected(text.error());
  }

  /// History is for looking at what was done lately, and may not cost much more than the files do.
  result<void> choose_history() {
    if (heads_.empty())
      return {};
    if (request_.is_whole || request_.depth != 0)
      return keep(commits(request_.is_whole ? 0 : request_.depth));
    constexpr std::uint64_t spare = 1U << 20;
    auto shortest = commits(1);
    auto least = shortest ? disk_usage(*shortest) : tl::make_unexpected(shortest.error());
    if (!least)
      return tl::make_unexpected(least.error());
    for (std::uint32_t count : {50U, 10U}) {
      auto longer = commits(count);
      auto usage = longer ? disk_usage(*longer) : tl::make_unexpected(longer.error());
      if (!usage && usage.error().code == ec::cancelled)
        return tl::make_unexpected(usage.error());
      // A partial clone may not have what older commits need.
      if (usage && *usage <= *least + *least / 4 + spare)
        return keep(std::move(longer));
    }
    return keep(std::move(shortest));
  }

  result<void> keep(result<std::vector<std::string>> commits) {
    if (!commits)
      return tl::make_unexpected(commits.error());
    out_.commits = std::move(*commits);
    return {};
  }

  const repository& where_;
  const git& real_;
  const history_request& request_;
  std::vector<std::string> heads_;
  history out_;
};

} // namespace

result<history> choose_history(const repository& where, const git& program,
                               const history_request& request) {
  return chooser{where, program, request}.choose();
}

std::string names_of(const std::vector<std::string>& commits) {
  std::string names;
  for (const auto& line : commits)
    (names += line.substr(0, line.find(' '))) += '\n';
  return names;
}

std::string git_file(const std::string& path) {
  constexpr std::size_t most = 16U << 20;
  return host::read_file(path, most).value_or(std::string{});
}

} // namespace banger::workspace
