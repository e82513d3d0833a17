#include "cli/parse_workspace.hpp"

#include "cli/option_values.hpp"

#include <CLI/CLI.hpp>

namespace banger::cli {

CLI::App* workspace_reader::command(const std::string& name, verb what, const std::string& about,
                                    const std::string& footer) {
  auto* made = group_->add_subcommand(name, about);
  made->footer(footer);
  made->callback([this, what] { out_.what = what; });
  return made;
}

void workspace_reader::add_vm(CLI::App* to) {
  auto keep = [this](const std::string& ref) { out_.refs = {ref}; };
  to->add_option_function<std::string>("VM", keep, "name or id")->required();
}

void workspace_reader::add_path(CLI::App* to, const std::string& about) {
  to->add_option("PATH", out_.workspace.path, about);
}

void workspace_reader::add_guest_path(CLI::App* to, const std::string& about) {
  to->add_option("--guest-path", out_.workspace.guest_path, about);
}

void workspace_reader::add_source_options(CLI::App* to) {
  auto& x = out_.workspace;
  add_guest_path(to, "where the repository goes (/root/NAME)");
  to->add_option("--mode", mode_,
                 "shallow: tracked files with your changes, and little history;\n"
                 "full-copy: a folder with all in it (shallow)")
      ->check(CLI::IsMember({"shallow", "full-copy"}));
  to->add_flag("--include-untracked", x.has_untracked,
               "also files that are neither tracked nor ignored");
  to->add_option("--depth", depth_, "commits of history (as many as cost little)");
  to->add_option("--branch", x.branch, "a new branch to be on, in the guest alone");
  to->add_option("--from", x.from, "with --branch: the commit it begins at (HEAD)");
}

void workspace_reader::build(CLI::App& app) {
  group_ = app.add_subcommand("workspace", "repositories of yours in VMs, and what became of them");
  group_->require_subcommand(1);
  group_->footer("The usual way:  banger vm run ./repo -- make test\n"
                 "What next:      banger workspace export VM; banger workspace status VM");
  auto* prepare =
      command("prepare", verb::workspace_prepare, "bring a repository into a running VM",
              "For example:  banger workspace prepare box ./repo\n"
              "What next:    banger vm exec -w /root/repo box -- make test");
  add_vm(prepare);
  add_path(prepare, "a folder of the repository (.)");
  add_source_options(prepare);
  build_looks();
  build_sync();
}

void workspace_reader::build_looks() {
  auto& x = out_.workspace;
  auto* save = command(
      "export", verb::workspace_export, "print as a patch what was changed in a VM",
      "For example:  banger workspace export --since-prepare box | git apply\n"
      "The patch begins at the commit that was prepared; what you had not committed is in it.\n"
      "Commits made in the guest count; files that are ignored do not.");
  add_vm(save);
  add_guest_path(save, "which one (the only one)");
  save->add_option("-o,--output", x.file, "write it to a file (stdout)");
  save->add_option("--base-commit", x.base, "begin at this commit");
  save->add_flag("--since-prepare", x.since_prepared, "only what was changed in the guest");
  auto* status =
      command("status", verb::workspace_status, "compare a workspace with where it came from",
              "What next:  banger workspace sync VM --to guest, or --to host");
  add_vm(status);
  add_guest_path(status, "which one (the only one)");
  add_vm(command("list", verb::workspace_list, "show the workspaces of a VM",
                 "What next:  banger workspace status VM --guest-path PATH"));
}

void workspace_reader::build_sync() {
  auto& x = out_.workspace;
  auto* sync = command(
      "sync", verb::workspace_sync, "carry changes from one side to the other",
      "For example:  banger workspace sync box --to host\n"
      "It shows what it would do and asks first. What was changed on the other side meanwhile is "
      "not overwritten.");
  add_vm(sync);
  sync->add_option("--to", direction_, "guest or host")
      ->required()
      ->check(CLI::IsMember({"guest", "host"}));
  add_guest_path(sync, "which one (the only one)");
  sync->add_flag("-y,--yes", x.is_agreed, "do not ask");
  sync->add_flag("--dry-run", x.is_preview, "only show what would be done");
  sync->add_flag("--force", x.is_forced,
                 "with --to guest: overwrite what was changed in the guest");
}

result<void> workspace_reader::check() {
  auto& x = out_.workspace;
  x.is_full_copy = mode_ == "full-copy";
  x.to_host = direction_ == "host";
  if (!depth_.empty()) {
    constexpr std::uint32_t most = 1'000'000;
    auto depth = parse_number(depth_, "--depth", most);
    if (!depth)
      return tl::make_unexpected(depth.error());
    x.depth = *depth;
  }
  if (!x.from.empty() && x.branch.empty())
    return fail(ec::bad_request, "--from goes with --branch");
  if (x.is_full_copy && !x.from.empty())
    return fail(ec::bad_request, "--from and --mode full-copy exclude each other");
  if (x.is_full_copy && x.depth != 0)
    return fail(ec::bad_request, "--depth and --mode full-copy exclude each other");
  if (x.is_forced && x.to_host)
    return fail(ec::bad_request, "--force goes with --to guest", "",
                "commit or stash your changes, then sync again");
  if (!x.base.empty() && x.since_prepared)
    return fail(ec::bad_request, "--base-commit and --since-prepare exclude each other");
  if (x.branch.starts_with('-'))
    return fail(ec::bad_request, "--branch '" + x.branch + "' is no branch's name");
  auto needs_path = !x.guest_path.empty() || mode_ != "shallow" || x.has_untracked ||
                    x.depth != 0 || !x.branch.empty();
  if (out_.what == verb::vm_run && x.path.empty() && needs_path)
    return fail(ec::bad_request, "the repository is missing", "", "banger vm run PATH -- COMMAND");
  if (out_.what == verb::workspace_prepare && x.path.empty())
    x.path = ".";
  return {};
}

} // namespace banger::cli
