#include "workspace/source.hpp"

#include "core/git_text.hpp"
#include "host/files.hpp"

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace banger::workspace {

namespace {

namespace fs = std::filesystem;

constexpr const char* notes = "/stage/.git/banger";

/// The settings of a repository's own file that may go along as they are.
result<std::string> carried_config(const git& program, const std::vector<std::string>& which) {
  std::vector<std::string> line{"config", "-z", "--list"};
  line.insert(line.end(), which.begin(), which.end());
  auto text = program.output(line);
  if (!text)
    return text;
  std::vector<std::pair<std::string, std::string>> kept;
  for (auto& [name, value] : core::parse_config(*text)) {
    auto is_layout = name == "core.repositoryformatversion" || name == "core.bare" ||
                     name == "core.logallrefupdates" ||
                     (name == "core.worktree" && !value.starts_with('/')) ||
                     name.starts_with("extensions.");
    if (is_layout || core::may_be_carried(name))
      kept.emplace_back(name, name.ends_with("url") ? core::without_credentials(value) : value);
  }
  return core::config_text(kept);
}

/// The configurations of a repository and of its submodules, cleaned; the originals stay behind.
result<void> replace_configs(const git& program, const source& from, const std::string& stage,
                             std::vector<std::string>& excluded) {
  auto who = program.output({"config", "-z", "--get-regexp", R"(^user\.(name|email)$)"});
  std::vector<std::pair<std::string, std::string>> user;
  if (who)
    user = core::parse_config(*who);
  std::error_code error;
  for (auto at = fs::recursive_directory_iterator{from.where->git_dir, error};
       at != fs::recursive_directory_iterator{}; at.increment(error)) {
    if (error)
      return fail(ec::failed, "read " + from.where->git_dir, error.message());
    auto name = at->path().filename().string();
    if (at->is_directory(error) &&
        (name == "objects" || name == "refs" || name == "logs" || name == "lfs"))
      at.disable_recursion_pending();
    if ((name != "config" && name != "config.worktree") || !at->is_regular_file(error))
      continue;
    auto text = carried_config(program, {"--file", at->path().string()});
    if (!text)
      return tl::make_unexpected(text.error());
    auto relative = at->path().lexically_relative(from.where->git_dir).string();
    auto copy = fs::path{stage + "/.git/" + relative};
    fs::create_directories(copy.parent_path(), error);
    if (relative == "config")
      *text += core::config_text(user);
    if (auto ok = host::write_file(copy.string(), *text, 0644); !ok)
      return ok;
    excluded.push_back("./.git/" + relative);
  }
  return {};
}

std::vector<std::string> tar_of(const std::string& stage, const std::string& top,
                                const std::vector<std::string>& excluded) {
  // Ours first: what follows finds the folders made, and none of ours is excluded.
  std::vector<std::string> line{"-c",
                                "-f",
                                "-",
                                "--sparse",
                                "--owner=0",
                                "--group=0",
                                "--numeric-owner",
                                "--anchored",
                                "--no-wildcards"};
  for (const auto& path : excluded)
    line.push_back("--exclude=" + path);
  line.insert(line.end(), {"-C", top, "."});
  if (!stage.empty())
    line.insert(line.end(), {"-C", stage, ".git"});
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
    out.tar_arguments = tar_of("", from.top, {});
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
  out.tar_arguments = tar_of(stage, from.top, excluded);
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
    out.tar_arguments = tar_of(taken->stage, from.top, {"./.git"});
    std::erase_if(out.warnings,
                  [](const auto& text) { return text.find("full-copy") != std::string::npos; });
    return out;
  }
  auto list = out.folder.path() + "/sent";
  if (auto ok = host::write_file(list, core::join_nul(taken->sent), 0600); !ok)
    return tl::make_unexpected(ok.error());
  out.tar_arguments = {"-c",
                       "-f",
                       "-",
                       "--sparse",
                       "--owner=0",
                       "--group=0",
                       "--numeric-owner",
                       "-C",
                       taken->stage,
                       ".git",
                       "-C",
                       from.top,
                       "--no-recursion",
                       "--null",
                       "--verbatim-files-from",
                       "-T",
                       list};
  return out;
}

} // namespace

result<source> find_source(const source_request& request, int cancel_fd) {
  auto where = find_repository(request.path, cancel_fd);
  if (!request.is_full_copy)
    return where ? result<source>{source{where->top, where->prefix, *where, false}}
                 : tl::make_unexpected(where.error());
  if (where && where->prefix.empty())
    return source{where->top, {}, *where, true};
  // Below a repository's root the folder alone was meant; elsewhere there is no repository.
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
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return fail_errno("make a pipe");
  host::unique_fd reader{ends[0]}, writer{ends[1]}, errors{::memfd_create("banger", MFD_CLOEXEC)};
  constexpr int pipe_size = 1 << 20;
  (void)::fcntl(reader.get(), F_SETPIPE_SZ, pipe_size); // fewer turns between tar and us
  host::spawn_request spawn;
  spawn.argv = {*program};
  spawn.argv.insert(spawn.argv.end(), what.tar_arguments.begin(), what.tar_arguments.end());
  spawn.fds = {{writer.get(), 1}, {errors.get(), 2}};
  spawn.has_own_session = true;
  auto child = host::spawn(spawn);
  if (!child)
    return tl::make_unexpected(child.error());
  return packer{std::move(*child), std::move(reader), std::move(errors)};
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
  char text[4096];
  auto n = ::pread(what.errors.get(), text, sizeof text, 0);
  std::string said{text, static_cast<std::size_t>(n < 0 ? 0 : n)};
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
