#include "cli/workspace_send.hpp"

#include "cli/guest_script.hpp"
#include "cli/json_values.hpp"
#include "cli/render.hpp"
#include "core/workspace_plan.hpp"
#include "core/workspace_script.hpp"
#include "host/clock.hpp"

namespace banger::cli {

workspace::source_request source_request_of(const options& how) {
  const auto& x = how.workspace;
  workspace::source_request request;
  request.path = x.path;
  request.is_full_copy = x.is_full_copy;
  request.how.depth = x.depth;
  request.how.untracked.all = x.has_untracked;
  request.how.from = x.from;
  return request;
}

result<std::string> guest_path_of(const options& how, const workspace::source& from) {
  auto path = how.workspace.guest_path;
  if (path.empty()) {
    auto name = core::workspace_name(from.top);
    if (name.empty())
      return fail(ec::bad_request, "take '" + from.top + "' along", "it has no name",
                  "--guest-path says where it goes");
    return "/root/" + name;
  }
  while (path.size() > 1 && path.ends_with('/'))
    path.pop_back();
  if (!path.starts_with('/') || path == "/" || ("/" + path + "/").find("/../") != std::string::npos)
    return fail(ec::bad_request, "--guest-path '" + how.workspace.guest_path + "' cannot be used",
                "it is to be an absolute path of a folder", "like /root/project");
  return path;
}

std::string workspace_record(const workspace::source& from,
                             const workspace::source_request& request, const std::string& tree) {
  record x{{"format", 1},
           {"source", from.top},
           {"mode", request.is_full_copy ? "full-copy" : "shallow"},
           {"has_untracked", request.is_full_copy || request.how.untracked.all},
           {"also", request.how.untracked.also},
           {"head", from.where ? from.where->head : ""},
           {"branch", from.where ? from.where->branch : ""},
           {"tree", tree},
           {"prepared_at_ms", host::unix_ms()}};
  return to_text(x, 1);
}

result<workspace::parcel> pack_workspace(session& talk, const host::paths& where,
                                         const workspace::source& from,
                                         const workspace::source_request& request) {
  auto packed = workspace::pack(from, request, where.cache + "/workspaces", talk.signals().fd());
  if (packed && from.where)
    if (auto ok = workspace::add_record(*packed, from.where->head,
                                        workspace_record(from, request, packed->tree));
        !ok)
      return tl::make_unexpected(ok.error());
  return packed;
}

result<sent_parcel> send_parcel(session& talk, const std::string& vm, const workspace::parcel& what,
                                const std::vector<std::string>& script,
                                const std::vector<std::string>& undo, const std::string& title) {
  auto tar = workspace::start_packing(what);
  if (!tar)
    return tl::make_unexpected(tar.error());
  auto end = run_script(talk, vm, script, tar->out.get());
  auto packed = workspace::finish_packing(*tar);
  if (!end)
    return tl::make_unexpected(end.error());
  if (end->status != 0)
    return tl::make_unexpected(script_failure(title, *end));
  if (!packed) { // the archive ended well, without the file
    (void)run_script(talk, vm, undo);
    return tl::make_unexpected(packed.error());
  }
  return sent_parcel{std::move(end->out), end->taken, *packed};
}

result<workspace_info> make_workspace(session& talk, const std::string& vm,
                                      const workspace::source& from,
                                      const workspace::parcel& what) {
  const auto& how = talk.how().workspace;
  auto since = host::unix_ms();
  auto path = guest_path_of(talk.how(), from);
  if (!path)
    return tl::make_unexpected(path.error());
  auto title = "make the workspace in vm '" + vm + "'";
  auto script = core::prepare_script({*path, how.branch, what.from, from.where.has_value()});
  auto sent = send_parcel(talk, vm, what, script, core::remove_script(*path), title);
  if (!sent)
    return tl::make_unexpected(sent.error());
  workspace_info x;
  x.vm = vm;
  x.guest_path = *path;
  x.source = from.top;
  x.mode = how.is_full_copy ? "full-copy" : "shallow";
  if (from.where) {
    constexpr std::string_view heads = "refs/heads/";
    x.head = from.where->head;
    x.branch = from.where->branch.starts_with(heads) ? from.where->branch.substr(heads.size()) : "";
  }
  if (!how.branch.empty())
    x.branch = how.branch;
  if (!what.from.empty())
    x.head = what.from;
  x.commits = what.depth;
  x.made_files = what.made_files;
  x.counts_sent = what.sent_files.has_value();
  x.sent_files = what.sent_files.value_or(0);
  x.sent_bytes = sent->bytes;
  x.duration_ms = host::unix_ms() - since;
  x.warnings = what.warnings;
  if (!sent->warning.empty())
    x.warnings.push_back(sent->warning);
  return x;
}

void tell_prepared(const workspace_info& x) {
  for (const auto& text : x.warnings)
    print_error("banger: warning: " + text + "\n");
  if (is_terminal(STDERR_FILENO))
    print_error(x.vm + ":" + x.guest_path + " made in " + seconds(x.duration_ms) + ", " +
                bytes(x.sent_bytes) + " sent\n");
}

} // namespace banger::cli
