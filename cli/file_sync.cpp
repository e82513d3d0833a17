#include "cli/file_sync.hpp"

#include "cli/guest_script.hpp"
#include "cli/workspace_send.hpp"
#include "core/git_text.hpp"
#include "host/files.hpp"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <sys/stat.h>

namespace banger::cli {

namespace {

namespace fs = std::filesystem;

std::string home() {
  const char* text = std::getenv("HOME");
  return text == nullptr ? std::string{} : std::string{text};
}

/// Why a file of the host stays behind; empty where it need not.
std::string problem_of(const core::file_sync& file) {
  char real[PATH_MAX], root[PATH_MAX];
  if (::realpath(file.host.c_str(), real) == nullptr)
    return errno == ENOENT ? "it is not there" : std::generic_category().message(errno);
  if (::realpath(home().c_str(), root) == nullptr ||
      !std::string{real}.starts_with(std::string{root} + "/"))
    return "it is a link to something outside of your home";
  struct stat info {};
  if (::stat(real, &info) != 0 || (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)))
    return "it is neither a file nor a folder";
  return {};
}

/// Copies it below `stage`, and adds to `names` what tar has to pack.
result<void> stage_file(const core::file_sync& file, const std::string& stage,
                        std::vector<std::string>& names) {
  auto to = fs::path{stage + file.guest};
  std::error_code error;
  fs::create_directories(to.parent_path(), error);
  fs::copy(fs::canonical(file.host, error), to,
           fs::copy_options::recursive | fs::copy_options::copy_symlinks |
               fs::copy_options::overwrite_existing,
           error);
  if (error)
    return fail(ec::failed, "copy " + file.host, error.message());
  auto add = [&](const fs::path& path) {
    names.push_back(path.lexically_relative(stage).string());
    if (file.mode != 0 && fs::is_regular_file(fs::symlink_status(path)))
      fs::permissions(path, static_cast<fs::perms>(file.mode), error);
  };
  add(to);
  if (fs::is_directory(fs::symlink_status(to)))
    for (const auto& entry : fs::recursive_directory_iterator{to, error})
      add(entry.path());
  return error ? fail(ec::failed, "copy " + file.host, error.message()) : result<void>{};
}

} // namespace

result<core::user_config> read_user_config(const host::paths& where) {
  auto path = where.config + "/config.toml";
  if (!host::exists(path))
    return core::user_config{};
  constexpr std::size_t most = 1U << 20;
  auto text = host::read_file(path, most);
  if (!text)
    return tl::make_unexpected(text.error());
  return core::parse_user_config(*text, home());
}

result<void> sync_files(session& talk, const host::paths& where, const core::user_config& config,
                        const std::string& vm) {
  if (config.files.empty())
    return {};
  auto folder = workspace::work_folder::make(where.cache + "/workspaces");
  if (!folder)
    return tl::make_unexpected(folder.error());
  auto stage = folder->path() + "/stage";
  std::vector<std::string> names;
  for (const auto& file : config.files) {
    if (auto why = problem_of(file); !why.empty())
      print_error("banger: warning: file_sync leaves out " + file.host + ": " + why + "\n");
    else if (auto ok = stage_file(file, stage, names); !ok)
      return ok;
  }
  if (names.empty())
    return {};
  auto list = folder->path() + "/names";
  if (auto ok = host::write_file(list, core::join_nul(names), 0600); !ok)
    return ok;
  workspace::parcel what{std::move(*folder), {}, {}, {}, 0, 0, names.size(), 0, {}};
  what.tar_arguments = {"-c",
                        "-f",
                        "-",
                        "--owner=0",
                        "--group=0",
                        "--numeric-owner",
                        "-C",
                        stage,
                        "--no-recursion",
                        "--null",
                        "--verbatim-files-from",
                        "-T",
                        list};
  auto sent = send_parcel(talk, vm, what, {"tar", "-x", "-p", "-f", "-", "-C", "/"}, {"true"},
                          "copy files of config.toml to vm '" + vm + "'");
  return sent ? result<void>{} : tl::make_unexpected(sent.error());
}

} // namespace banger::cli
