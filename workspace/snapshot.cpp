#include "workspace/snapshot.hpp"

#include "core/git_text.hpp"
#include "core/workspace_plan.hpp"
#include "host/files.hpp"
#include "workspace/git_folder.hpp"
#include "workspace/history.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace banger::workspace {

namespace {

namespace fs = std::filesystem;

/// With its time: git looks closer at files that were changed no earlier than the index was
/// written.
result<void> copy_index_file(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::copy_file(from, to, error);
  struct stat info {};
  if (error || ::stat(from.c_str(), &info) != 0)
    return fail(ec::failed, "copy " + from, error.message());
  const timespec times[] = {info.st_atim, info.st_mtim};
  return ::utimensat(AT_FDCWD, to.c_str(), times, 0) == 0 ? result<void>{}
                                                          : fail_errno("copy " + from);
}

/// Untracked files that were chosen, in the index's order. A repository of its own ends with a
/// slash.
result<std::vector<std::string>> list_untracked(const git& program,
                                                const untracked_choice& choice) {
  if (!choice.all && choice.also.empty())
    return std::vector<std::string>{};
  auto text = program.output({"ls-files", "-z", "--others", "--exclude-standard"});
  if (!text)
    return tl::make_unexpected(text.error());
  auto paths = core::split_nul(*text);
  if (!choice.all)
    std::erase_if(paths, [&](const auto& path) {
      return std::find(choice.also.begin(), choice.also.end(), path) == choice.also.end();
    });
  return paths;
}

/// Builds one snapshot, step by step.
class builder {
public:
  builder(const repository& where, const snapshot_request& request, git real, git indexed,
          snapshot& out)
      : where_(where), request_(request), real_(std::move(real)), indexed_(std::move(indexed)),
        out_(out), dot_git_(out.stage + "/.git") {}

  result<void> build() {
    std::error_code error;
    for (const auto* folder : {"/objects/pack", "/refs/heads", "/info", "/banger"})
      if (!fs::create_directories(dot_git_ + folder, error) && error)
        return fail(ec::failed, "make " + dot_git_ + folder, error.message());
    for (auto step : {&builder::copy_index, &builder::list_files, &builder::take_history,
                      &builder::write_lists})
      if (auto ok = (this->*step)(); !ok)
        return ok;
    return {};
  }

private:
  result<void> write(const std::string& name, std::string_view text) {
    return host::write_file(dot_git_ + "/" + name, text, 0644);
  }

  /// Whole, and in one file: the user's may be split, sparse, or lean on a monitor.
  result<void> copy_index() {
    auto from = where_.git_dir + "/index";
    if (!host::exists(from))
      return {};
    if (auto ok = copy_index_file(from, dot_git_ + "/index"); !ok)
      return ok;
    auto done = indexed_.run({"update-index", "-q", "--refresh", "--ignore-submodules",
                              "--unmerged", "--no-split-index", "--no-untracked-cache",
                              "--no-fsmonitor", "--force-write-index", "--index-version", "2"});
    // Status 1: there are changes, which are asked for next.
    if (done && done->status > 1)
      return fail(ec::failed, "read the index of " + where_.top, reason_in(done->err));
    return done ? result<void>{} : tl::make_unexpected(done.error());
  }

  result<void> list_files() {
    auto index = indexed_.output({"ls-files", "-z", "-s", "-v"});
    auto changes = indexed_.output(
        {"diff-files", "-z", "--name-status", "--no-renames", "--ignore-submodules=all"});
    if (!index || !changes)
      return tl::make_unexpected((!index ? index : changes).error());
    auto entries = core::parse_index(*index);
    auto pairs = core::parse_name_status(*changes);
    if (!entries || !pairs)
      return tl::make_unexpected(!entries ? entries.error() : pairs.error());
    listing_.index = std::move(*entries);
    listing_.changes = std::move(*pairs);
    auto untracked = list_untracked(indexed_, request_.untracked);
    if (!untracked)
      return tl::make_unexpected(untracked.error());
    listing_.untracked = std::move(*untracked);
    if (auto ok = find_converted(); !ok)
      return ok;
    find_hidden();
    plan_ = core::plan_workspace(listing_);
    for (const auto& path : plan_.nested)
      out_.warnings.push_back(
          "'" + path + "' is a repository of its own and stays behind; --mode full-copy takes it");
    for (const auto& path : plan_.unsettled)
      out_.warnings.push_back(
          "'" + path + "' was changed, and a filter makes its content: a patch of it need not fit");
    for (const auto& path : plan_.submodules)
      out_.warnings.push_back("submodule '" + path + "' stays empty; --mode full-copy takes it");
    return {};
  }

  /// Files that lie here otherwise than git would make them in the guest, though they count as
  /// unchanged: by a filter that the guest need not have, as that of Git LFS, or by the ends of
  /// their lines. Source: gitattributes(5).
  result<void> find_converted() {
    auto filters =
        real_.run({"config", "-z", "--get-regexp", R"(^filter\..*\.(clean|smudge|process)$)"});
    auto ends = real_.run({"config", "-z", "--get-regexp", R"(^core\.(autocrlf|eol)$)"});
    if (!filters || !ends)
      return tl::make_unexpected((!filters ? filters : ends).error());
    std::vector<std::string> paths, with_ends;
    for (const auto& entry : listing_.index)
      if (entry.mode != "160000")
        paths.push_back(entry.path);
    auto answers = real_.output(
        {"check-attr", "-z", "--stdin", "filter", "ident", "working-tree-encoding", "text", "eol"},
        core::join_nul(paths));
    if (!answers)
      return tl::make_unexpected(answers.error());
    auto parts = core::split_nul(*answers); // path, attribute, value
    for (std::size_t i = 0; i + 2 < parts.size(); i += 3) {
      const auto &name = parts[i + 1], &value = parts[i + 2];
      if (value == "unspecified" || value == "unset")
        continue;
      if (name == "text" || name == "eol")
        with_ends.push_back(parts[i]);
      else if (name != "filter")
        listing_.converted.push_back(parts[i]);
      else if (filters->out.find("filter." + value + ".") != std::string::npos)
        listing_.filtered.push_back(parts[i]);
    }
    return find_line_ends(ends->out.empty() ? with_ends : paths, !ends->out.empty());
  }

  /// Of text files git makes those with line feeds alone, which most have here too.
  result<void> find_line_ends(const std::vector<std::string>& paths, bool is_configured) {
    if (paths.empty())
      return {};
    auto text = indexed_.output({"ls-files", "-z", "--eol"});
    if (!text)
      return tl::make_unexpected(text.error());
    std::set<std::string_view> asked{paths.begin(), paths.end()};
    for (const auto& line : core::split_nul(*text)) { // "i/lf    w/lf    attr/text=auto \tPATH"
      auto tab = line.find('\t');
      auto facts = std::string_view{line}.substr(0, tab);
      auto is_plain = facts.find("w/crlf") == std::string_view::npos &&
                      facts.find("w/mixed") == std::string_view::npos &&
                      facts.find("eol=crlf") == std::string_view::npos && !is_configured;
      if (tab != std::string::npos && !is_plain &&
          asked.count(std::string_view{line}.substr(tab + 1)) > 0)
        listing_.converted.push_back(line.substr(tab + 1));
    }
    return {};
  }

  /// Outside of the sparse checkout, and there all the same.
  void find_hidden() {
    struct stat info {};
    for (const auto& entry : listing_.index)
      if ((entry.tag == 'S' || entry.tag == 's') &&
          ::lstat((where_.top + "/" + entry.path).c_str(), &info) == 0)
        listing_.hidden.push_back(entry.path);
  }

  /// Objects of the index that are there. Those of a partial clone, or of a file that is only
  /// intended to be added, need not be.
  result<std::string> objects_of_index() {
    std::string wanted, found;
    for (const auto& object : plan_.objects)
      (wanted += object) += '\n';
    auto answers = real_.output({"cat-file", "--batch-check=%(objectname) %(objecttype)"}, wanted);
    if (!answers)
      return answers;
    for (const auto& line : core::split_lines(*answers))
      if (line.ends_with(" blob"))
        (found += line.substr(0, line.find(' '))) += '\n';
    return found;
  }

  result<void> take_history() {
    auto past =
        choose_history(where_, real_, {request_.depth, request_.has_all_history, request_.from});
    if (!past)
      return tl::make_unexpected(past.error());
    auto marks = find_tags(real_, past->commits);
    if (!marks)
      return tl::make_unexpected(marks.error());
    out_.depth = static_cast<std::uint32_t>(past->commits.size());
    out_.from = past->from;
    if (auto ok = pack(names_of(past->commits), marks->objects); !ok)
      return ok;
    auto warnings = write_git_folder(where_, real_, *past, *marks, dot_git_);
    if (!warnings)
      return tl::make_unexpected(warnings.error());
    out_.warnings.insert(out_.warnings.end(), warnings->begin(), warnings->end());
    return {};
  }

  result<void> pack(const std::string& commits, const std::string& more) {
    auto blobs = objects_of_index();
    auto reachable =
        commits.empty()
            ? result<std::string>{std::string{}}
            : real_.output({"rev-list", "--objects", "--no-walk=unsorted", "--stdin"}, commits);
    if (!blobs || !reachable)
      return tl::make_unexpected((!blobs ? blobs : reachable).error());
    auto all = *reachable + *blobs + more;
    if (all.empty())
      return {};
    auto base = dot_git_ + "/objects/pack/pack";
    auto packer = real_; // it makes its temporary files beside the objects
    packer.use_objects(dot_git_ + "/objects", where_.common_dir + "/objects");
    auto name = packer.output({"pack-objects", "-q", "--delta-base-offset", base}, all);
    if (!name)
      return tl::make_unexpected(name.error());
    if (name->ends_with('\n'))
      name->pop_back();
    out_.pack_bytes = host::file_size(base + "-" + *name + ".pack");
    return {};
  }

  /// git makes files of mode 0666 and 0777, less the umask. The guest is told of the umask with
  /// which most are as they are here, and of all others.
  result<void> write_lists() {
    std::map<std::string_view, bool> is_program;
    for (const auto& entry : listing_.index)
      is_program[entry.path] = entry.mode == "100755";
    std::vector<std::pair<mode_t, const std::string*>> modes;
    for (const auto& path : plan_.made) {
      struct stat info {};
      if (::lstat((where_.top + "/" + path).c_str(), &info) == 0 && S_ISREG(info.st_mode))
        modes.emplace_back(info.st_mode & 07777U, &path);
    }
    auto mode_with = [&](mode_t mask, const std::string& path) {
      return (is_program[path] ? 0777U : 0666U) & ~mask;
    };
    mode_t best = 022;
    std::ptrdiff_t most = 0;
    for (mode_t mask : {022U, 002U, 077U, 027U, 007U, 0U}) {
      auto count = std::count_if(modes.begin(), modes.end(), [&](const auto& x) {
        return x.first == mode_with(mask, *x.second);
      });
      if (count > most) {
        best = mask;
        most = count;
      }
    }
    std::map<mode_t, std::vector<std::string>> odd;
    for (const auto& [mode, path] : modes)
      if (mode != mode_with(best, *path))
        odd[mode].push_back(*path);
    char text[8];
    std::snprintf(text, sizeof text, "%04o", best);
    if (auto ok = write("banger/umask", text); !ok)
      return ok;
    for (const auto& [mode, paths] : odd) {
      char name[32];
      std::snprintf(name, sizeof name, "banger/mode-%04o", mode);
      if (auto ok = write(name, core::join_nul(paths)); !ok)
        return ok;
    }
    if (auto ok = write("banger/made", core::join_nul(plan_.made)); !ok)
      return ok;
    if (!plan_.assumed.empty())
      if (auto ok = write("banger/assumed", core::join_nul(plan_.assumed)); !ok)
        return ok;
    out_.made_files = plan_.made.size();
    struct stat info {};
    for (auto* list : {&plan_.sent, &plan_.submodules}) // a submodule as an empty folder
      for (auto& path : *list)
        if (::lstat((where_.top + "/" + path).c_str(), &info) == 0)
          out_.sent.push_back(std::move(path));
    return {};
  }

  const repository& where_;
  const snapshot_request& request_;
  git real_;    ///< with the repository's own index
  git indexed_; ///< with the copy
  snapshot& out_;
  std::string dot_git_;
  core::workspace_listing listing_;
  core::workspace_plan plan_;
};

} // namespace

result<snapshot> take_snapshot(const repository& where, const snapshot_request& request,
                               const std::string& parent, int cancel_fd) {
  auto folder = work_folder::make(parent);
  if (!folder)
    return tl::make_unexpected(folder.error());
  auto real = git::open(where.top, cancel_fd);
  if (!real)
    return tl::make_unexpected(real.error());
  auto names = folder->path() + "/names";
  auto stage = folder->path() + "/stage";
  snapshot out{std::move(*folder), stage, {}, {}, {}, 0, 0, 0, {}};
  auto indexed = *real;
  indexed.use_index(stage + "/.git/index");
  if (auto ok = builder{where, request, *real, indexed, out}.build(); !ok)
    return tl::make_unexpected(ok.error());
  auto tree = name_content(where, request.untracked, names, cancel_fd);
  if (!tree)
    return tl::make_unexpected(tree.error());
  out.tree = *tree;
  return out;
}

result<std::string> name_content(const repository& where, const untracked_choice& untracked,
                                 const std::string& folder, int cancel_fd) {
  std::error_code error;
  fs::create_directories(folder + "/objects", error);
  if (error)
    return fail(ec::failed, "make " + folder, error.message());
  auto from = where.git_dir + "/index";
  if (host::exists(from))
    if (auto ok = copy_index_file(from, folder + "/index"); !ok)
      return tl::make_unexpected(ok.error());
  auto program = git::open(where.top, cancel_fd);
  if (!program)
    return tl::make_unexpected(program.error());
  program->use_index(folder + "/index");
  program->use_objects(folder + "/objects", where.common_dir + "/objects");
  if (auto ok = program->output({"add", "--sparse", "-u", "."}); !ok)
    return ok;
  auto others = list_untracked(*program, untracked);
  if (!others)
    return tl::make_unexpected(others.error());
  std::erase_if(*others, [](const auto& path) { return path.ends_with('/'); });
  if (!others->empty())
    if (auto ok =
            program->output({"update-index", "--add", "-z", "--stdin"}, core::join_nul(*others));
        !ok)
      return ok;
  return program->line({"write-tree"});
}

} // namespace banger::workspace
