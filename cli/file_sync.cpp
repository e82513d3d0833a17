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

/// Copies one file, link or folder (without what is in it). Sockets and their like are left out.
result<void> stage_one(const fs::path& from, const fs::path& to, std::uint32_t mode) {
  std::error_code error;
  auto kind = fs::symlink_status(from, error).type();
  if (kind == fs::file_type::symlink)
    fs::copy_symlink(from, to, error);
  else if (kind == fs::file_type::directory)
    fs::create_directory(to, from, error);
  else if (kind == fs::file_type::regular)
    fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
  if (!error && kind == fs::file_type::regular && mode != 0)
    fs::permissions(to, static_cast<fs::perms>(mode), error);
  return error ? fail(ec::failed, "copy " + from.string(), error.message()) : result<void>{};
}

/// Copies it below `stage`, and adds to `names` what tar has to pack.
result<void> stage_file(const core::file_sync& file, const std::string& stage,
                        std::vector<std::string>& names) {
  std::error_code error;
  auto from = fs::canonical(file.host, error);
  auto to = fs::path{stage + file.guest};
  fs::create_directories(to.parent_path(), error);
  auto add = [&](const fs::path& source, const fs::path& copy) -> result<void> {
    if (auto ok = stage_one(source, copy, file.mode); !ok)
      return ok;
    if (host::exists(copy.string()))
      names.push_back(copy.lexically_relative(stage).string());
    return {};
  };
  if (auto ok = add(from, to); !ok || !fs::is_directory(from))
    return ok;
  for (auto at = fs::recursive_directory_iterator{from, error};
       at != fs::recursive_directory_iterator{}; at.increment(error)) {
    if (error)
      break;
    if (auto ok = add(at->path(), to / at->path().lexically_relative(from)); !ok)
      return ok;
  }
  return error ? fail(ec::failed, "copy " + file.host, error.message()) : result<void>{};
}

} // namespace

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
  what.tar_arguments = workspace::packing_options();
  what.tar_arguments.insert(what.tar_arguments.end(), {"-C", stage, "--no-recursion", "--null",
                                                       "--verbatim-files-from", "-T", list});
  auto sent = send_parcel(talk, vm, what, {"tar", "-x", "-p", "-f", "-", "-C", "/"}, {"true"},
                          "copy files of config.toml to vm '" + vm + "'");
  return sent ? result<void>{} : tl::make_unexpected(sent.error());
}

} // namespace banger::cli
