#include "workspace/source.hpp"

#include "core/git_text.hpp"
#include "host/files.hpp"
#include "host/scratch_file.hpp"
#include "workspace/git_folder.hpp"

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace banger::workspace {

namespace {

namespace fs = std::filesystem;

constexpr const char* notes = "/stage/.git/banger";

/// A git folder, be it a repository's, a submodule's or one in a folder that is not tracked.
bool is_git_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path / "HEAD", error) && fs::is_directory(path / "objects", error) &&
         fs::is_directory(path / "refs", error);
}

/// A configuration without what must not go along. @param user  what counts beside the file: for
/// the repository itself all of the user's settings
result<std::string> clean_config(const git& program, const std::string& file, bool is_whole) {
  auto text = program.output({"config", "-z", "--list", "--file", file});
  auto carried = is_whole ? carried_settings(program) : carried_settings(program, {"--file", file});
  if (!text || !carried)
    return tl::make_unexpected(!text ? text.error() : carried.error());
  std::vector<std::pair<std::string, std::string>> kept;
  for (auto& [name, value] : core::parse_config(*text))
    if (name == "core.repositoryformatversion" || name == "core.bare" ||
        name == "core.logallrefupdates" || name.starts_with("extensions.") ||
        (name == "core.worktree" && !value.starts_with('/')) || name.ends_with(".promisor") ||
        name.ends_with(".partialclonefilter"))
      kept.emplace_back(name, value);
  kept.insert(kept.end(), carried->begin(), carried->end());
  return core::config_text(kept);
}

/// Cleans the configurations of all git folders below the root: the originals stay behind, as do
/// reflogs, which may have URLs with passwords in them.
result<void> replace_configs(const git& program, const source& from, const std::string& stage,
                             std::vector<std::string>& excluded) {
  std::error_code error;
  const fs::path top = from.top;
  for (auto at = fs::recursive_directory_iterator{top, error};
       at != fs::recursive_directory_iterator{}; at.increment(error)) {
    if (error)
      return fail(ec::failed, "read " + from.top, error.message());
    if (at->is_symlink(error) || !at->is_directory(error) || !is_git_folder(at->path()))
      continue;
    auto relative = at->path().lexically_relative(top).string();
    excluded.push_back("./" + relative + "/logs");
    for (const auto* name : {"config", "config.worktree"}) {
      auto file = at->path() / name;
      if (!fs::is_regular_file(file, error))
        continue;
      auto text =
          clean_config(program, file.string(), relative == ".git" && name == std::string{"config"});
      if (!text)
        return tl::make_unexpected(text.error());
      auto copy = fs::path{stage} / relative / name;
      fs::create_directories(copy.parent_path(), error);
      if (auto ok = host::write_file(copy.string(), *text, 0644); !ok)
        return ok;
      excluded.push_back("./" + relative + "/" + name);
    }
  }
  return {};
}

result<std::vector<std::string>> tar_of(const std::string& stage, const std::string& top,
                                        const std::vector<std::string>& excluded) {
  // Ours first: what follows finds the folders made, and none of ours is excluded.
  auto line = packing_options();
  line.insert(line.end(), {"--anchored", "--no-wildcards"});
  for (const auto& path : excluded)
    line.push_back("--exclude=" + path);
  line.insert(line.end(), {"-C", top, "."});
  if (stage.empty())
    return line;
  std::error_code error;
  std::vector<std::string> names; // without "./" before them, so that none of them is excluded
  for (const auto& entry : fs::directory_iterator{stage, error})
    names.push_back(entry.path().filename().string());
  auto list = stage + ".names";
  if (auto ok = host::write_file(list, core::join_nul(names), 0600); !ok)
    return tl::make_unexpected(ok.error());
  line.insert(line.end(), {"-C", stage, "--null", "--verbatim-files-from", "-T", list});
  return line;
}

/// A folder with all in it.
result<parcel> pack_folder(const source& from, const std::string& parent, int cancel_fd) {
  auto folder = work_folder::make(parent);
  if (!folder)
    return tl::make_unexpected(folder.error());
  auto stage = folder->path() + "/stage", names = folder->path() + "/names";
  parcel out{std::move(*folder), {}, {}, {}, 0, 0, std::nullopt, 0, {}};
  if (!from.where) {
    out.tar_arguments = *tar_of("", from.top, {});
    return out;
  }
  std::error_code error;
  fs::create_directories(stage + "/.git/banger", error);
  auto program = git::open(from.top, cancel_fd);
  if (!program)
    return tl::make_unexpected(program.error());
  std::vector<std::string> excluded{"./.git/worktrees", "./.git/index.lock", "./.git/HEAD.lock",
                                    "./.git/banger", "./.git/fsmonitor--daemon.ipc"};
  if (auto ok = replace_configs(*program, from, stage, excluded); !ok)
    return tl::make_unexpected(ok.error());
  auto tree = name_content(*from.where, {true, {}}, names, cancel_fd);
  if (!tree)
    return tl::make_unexpected(tree.error());
  out.tree = *tree;
  auto line = tar_of(stage, from.top, excluded);
  if (!line)
    return tl::make_unexpected(line.error());
  out.tar_arguments = std::move(*line);
  return out;
}

/// The lists of a snapshot are for a guest that makes files; where all are sent there is nothing to
/// make.
void forget_lists(const std::string& stage) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{stage + "/.git/banger", error})
    host::remove_file(entry.path().string());
}

result<parcel> pack_snapshot(const source& from, const source_request& request,
                             const std::string& parent, int cancel_fd) {
  auto how = request.how;
  if (from.is_full_copy) {
    how.has_all_history = how.untracked.all = true;
    how.depth = 0;
  }
  auto taken = take_snapshot(*from.where, how, parent, cancel_fd);
  if (!taken)
    return tl::make_unexpected(taken.error());
  parcel out{std::move(taken->folder),
             {},
             taken->tree,
             taken->from,
             taken->depth,
             taken->made_files,
             taken->sent.size(),
             taken->pack_bytes,
             std::move(taken->warnings)};
  if (from.is_full_copy) {
    forget_lists(taken->stage);
    out.made_files = 0;
    out.sent_files.reset();
    auto line = tar_of(taken->stage, from.top, {"./.git"});
    if (!line)
      return tl::make_unexpected(line.error());
    out.tar_arguments = std::move(*line);
    std::erase_if(out.warnings,
                  [](const auto& text) { return text.find("full-copy") != std::string::npos; });
    return out;
  }
  auto list = out.folder.path() + "/sent";
  if (auto ok = host::write_file(list, core::join_nul(taken->sent), 0600); !ok)
    return tl::make_unexpected(ok.error());
  out.tar_arguments = packing_options();
  out.tar_arguments.insert(out.tar_arguments.end(),
                           {"-C", taken->stage, ".git", "-C", from.top, "--no-recursion", "--null",
                            "--verbatim-files-from", "-T", list});
  return out;
}

} // namespace

std::vector<std::string> packing_options() {
  return {"-c", "-f", "-", "--sparse", "--owner=0", "--group=0", "--numeric-owner"};
}

result<source> find_source(const source_request& request, int cancel_fd) {
  auto where = find_repository(request.path, cancel_fd);
  if (!request.is_full_copy)
    return where ? result<source>{source{where->top, where->prefix, *where, false}}
                 : tl::make_unexpected(where.error());
  if (where && where->prefix.empty())
    return source{where->top, {}, *where, true};
  // Below a repository's root the folder alone was meant; elsewhere there has to be none.
  std::error_code error;
  auto is_git = fs::exists(request.path + "/.git", error) || is_git_folder(request.path);
  if (!where && (where.error().code != ec::not_found || is_git))
    return tl::make_unexpected(where.error());
  struct stat info {};
  if (::stat(request.path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
    return where ? fail(ec::bad_request, "take '" + request.path + "' along", "it is no folder")
                 : tl::make_unexpected(where.error());
  char real[PATH_MAX];
  if (::realpath(request.path.c_str(), real) == nullptr)
    return fail_errno("take '" + request.path + "' along");
  return source{real, {}, std::nullopt, true};
}

result<parcel> pack(const source& from, const source_request& request, const std::string& parent,
                    int cancel_fd) {
  struct stat info {};
  auto has_own_folder = from.where && ::lstat((from.top + "/.git").c_str(), &info) == 0 &&
                        S_ISDIR(info.st_mode) && !has_alternates(*from.where);
  if (from.is_full_copy && (!from.where || has_own_folder))
    return pack_folder(from, parent, cancel_fd);
  return pack_snapshot(from, request, parent, cancel_fd);
}

result<void> add_record(const parcel& what, std::string_view head, std::string_view record) {
  auto folder = what.folder.path() + notes;
  auto ok = host::write_file(folder + "/head", head.empty() ? "" : std::string{head} + "\n", 0644);
  return ok ? host::write_file(folder + "/workspace", record, 0644) : ok;
}

result<packer> start_packing(const parcel& what) {
  auto program = host::find_program("tar", host::search_path());
  if (!program)
    return fail(ec::missing_program, "find tar", "it is not installed", "apt-get install tar");
  auto pipe = host::make_pipe();
  if (!pipe)
    return tl::make_unexpected(pipe.error());
  auto& [reader, writer] = *pipe;
  auto errors = host::make_scratch_file();
  if (!errors)
    return tl::make_unexpected(errors.error());
  constexpr int pipe_size = 1 << 20;
  (void)::fcntl(reader.get(), F_SETPIPE_SZ, pipe_size); // fewer turns between tar and us
  host::spawn_request spawn;
  spawn.argv = {*program};
  spawn.argv.insert(spawn.argv.end(), what.tar_arguments.begin(), what.tar_arguments.end());
  spawn.fds = {{writer.get(), 1}, {errors->get(), 2}};
  spawn.has_own_session = true;
  auto child = host::spawn(spawn);
  if (!child)
    return tl::make_unexpected(child.error());
  return packer{std::move(*child), std::move(reader), std::move(*errors)};
}

result<std::string> finish_packing(packer& what) {
  what.out.reset(); // where nobody reads any more it ends by itself
  pollfd ended{what.process.pidfd.get(), POLLIN, 0};
  constexpr int patience_ms = 2000;
  if (::poll(&ended, 1, patience_ms) == 0)
    host::signal_process(what.process.pidfd, SIGKILL);
  while (!host::has_ended(what.process.pidfd))
    (void)::poll(&ended, 1, -1);
  auto status = host::reap(what.process.pidfd).value_or(0);
  auto said = host::read_scratch_file(what.errors).value_or(std::string{});
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return std::string{};
  if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
    return core::split_lines(said).empty() ? std::string{"files changed while they were read"}
                                           : core::split_lines(said).front();
  // The first line names the file; the last one only says that something went wrong.
  auto lines = core::split_lines(said);
  return fail(ec::failed, "read the files",
              lines.empty() ? "tar " + host::describe_wait_status(status) : lines.front());
}

} // namespace banger::workspace
