#include "cli/commands.hpp"
#include "cli/guest_script.hpp"
#include "cli/render.hpp"
#include "cli/workspace_find.hpp"
#include "cli/workspace_render.hpp"
#include "cli/workspace_send.hpp"
#include "core/exit_code.hpp"
#include "core/workspace_script.hpp"
#include "host/clock.hpp"

#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

namespace banger::cli {

namespace {

/// Writes to a new file beside `path`, which takes its name when all is in it.
class careful_file {
public:
  explicit careful_file(std::string path)
      : path_(std::move(path)), beside_(path_ + ".banger-" + std::to_string(::getpid())) {}
  careful_file(const careful_file&) = delete;
  ~careful_file() {
    if (fd_)
      ::unlink(beside_.c_str());
  }
  result<int> open() {
    constexpr mode_t mode = 0666; // the umask's business
    fd_.reset(::open(beside_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    return fd_ ? result<int>{fd_.get()} : fail_errno("write " + path_);
  }
  result<void> keep() {
    if (::rename(beside_.c_str(), path_.c_str()) != 0)
      return fail_errno("write " + path_);
    fd_.reset();
    return {};
  }

private:
  std::string path_, beside_;
  host::unique_fd fd_;
};

result<script_end> export_to(session& talk, const std::string& vm, const std::string& path,
                             int out) {
  const auto& how = talk.how().workspace;
  auto end =
      run_script_to(talk, vm, core::export_script(path, how.base, how.since_prepared), -1, out);
  if (end && end->status != 0)
    return tl::make_unexpected(script_failure("export the workspace of vm '" + vm + "'", *end));
  return end;
}

result<void> export_patch(session& talk, const std::string& vm) {
  auto path = pick_workspace(talk, vm);
  if (!path)
    return tl::make_unexpected(path.error());
  const auto& file = talk.how().workspace.file;
  auto warn = [](const script_end& end) {
    if (!end.err.empty())
      print_error("banger: warning: " + end.err);
  };
  if (file.empty() || file == "-") {
    auto end = export_to(talk, vm, *path, STDOUT_FILENO);
    if (!end)
      return tl::make_unexpected(end.error());
    warn(*end);
    return {};
  }
  careful_file kept{file};
  auto out = kept.open();
  if (!out)
    return tl::make_unexpected(out.error());
  auto end = export_to(talk, vm, *path, *out);
  if (!end)
    return tl::make_unexpected(end.error());
  warn(*end);
  return kept.keep();
}

} // namespace

int workspace_prepare(client::connection link, const host::paths& where, const options& how) {
  session talk{std::move(link), how};
  const auto& vm = how.refs.front();
  auto from = workspace::find_source(source_request_of(how), talk.signals().fd());
  if (!from)
    return report(from.error(), how);
  if (auto path = guest_path_of(how, *from); !path)
    return report(path.error(), how);
  auto packed = pack_workspace(talk, where, *from, source_request_of(how));
  if (!packed)
    return report(packed.error(), how);
  auto made = make_workspace(talk, vm, *from, *packed);
  if (!made)
    return report(made.error(), how);
  tell_prepared(*made);
  print(how.is_json ? json(*made) : made->guest_path + "\n");
  return core::exit_ok;
}

int workspace_export(client::connection link, const options& how) {
  session talk{std::move(link), how};
  auto done = export_patch(talk, how.refs.front());
  return done ? core::exit_ok : report(done.error(), how);
}

int workspace_status(client::connection link, const host::paths& where, const options& how) {
  session talk{std::move(link), how};
  const auto& vm = how.refs.front();
  auto path = pick_workspace(talk, vm);
  if (!path)
    return report(path.error(), how);
  auto state = ask_workspace(talk, vm, *path);
  if (!state)
    return report(state.error(), how);
  compare_with_host(talk, where.cache + "/workspaces", *state);
  print(how.is_json ? json(*state) : workspace_details(*state, host::unix_ms()));
  return core::exit_ok;
}

int workspace_list(client::connection link, const options& how) {
  session talk{std::move(link), how};
  auto all = workspaces_of(talk, how.refs.front());
  if (!all)
    return report(all.error(), how);
  if (how.is_json) {
    print(workspace_list_json(how.refs.front(), *all));
    return core::exit_ok;
  }
  for (const auto& path : *all)
    print(path + "\n");
  return core::exit_ok;
}

} // namespace banger::cli
