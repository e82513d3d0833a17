#include "cli/commands.hpp"
#include "cli/guest_script.hpp"
#include "cli/render.hpp"
#include "cli/workspace_find.hpp"
#include "cli/workspace_render.hpp"
#include "cli/workspace_send.hpp"
#include "core/exit_code.hpp"
#include "core/git_text.hpp"
#include "core/workspace_script.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <sys/stat.h>
#include <unistd.h>

namespace banger::cli {

namespace {

using changes = std::vector<std::pair<char, std::string>>;

/// One run of the command.
class sync {
public:
  sync(session& talk, const host::paths& where)
      : talk_(talk), how_(talk.how().workspace), vm_(talk.how().refs.front()), where_(where) {}

  result<void> run() {
    if (!how_.is_preview && !how_.is_agreed && !can_ask())
      return fail(ec::bad_request, title_, "there is nobody to ask",
                  "--yes does it without asking, --dry-run only shows it");
    auto path = pick_workspace(talk_, vm_);
    auto state = path ? ask_workspace(talk_, vm_, *path) : tl::make_unexpected(path.error());
    if (!state)
      return tl::make_unexpected(state.error());
    state_ = std::move(*state);
    request_.path = state_.source;
    request_.is_full_copy = state_.mode == "full-copy";
    request_.how.untracked = state_.untracked;
    auto from = workspace::find_source(request_, talk_.signals().fd());
    if (!from)
      return tl::make_unexpected(from.error());
    from_ = std::move(*from);
    return how_.to_host ? to_host() : to_guest();
  }

private:
  // -- what is common
  // ------------------------------------------------------------------------------------

  /// Shows what would be done. @returns whether to do it.
  bool agree(const changes& what, const std::string& where_to) {
    if (how_.is_preview || !talk_.how().is_json)
      show(what, where_to);
    if (how_.is_preview)
      return false;
    if (how_.is_agreed)
      return true;
    return ask_yes("Change these files " + where_to + "?");
  }

  void show(const changes& what, const std::string& where_to) const {
    if (talk_.how().is_json)
      return;
    print(what.empty() ? "no file to change " + where_to + "\n"
                       : std::to_string(what.size()) + (what.size() == 1 ? " file" : " files") +
                             " to change " + where_to + ":\n" + change_lines(what));
  }

  void tell(const changes& what, bool is_done) {
    if (talk_.how().is_json)
      print(sync_json(vm_, state_.guest_path, how_.to_host, is_done, what));
    else if (!how_.is_preview)
      print(is_done ? "done\n" : "nothing was changed\n");
  }

  result<script_end> guest(const std::vector<std::string>& script, int out = -1) {
    auto end =
        out < 0 ? run_script(talk_, vm_, script) : run_script_to(talk_, vm_, script, -1, out);
    if (end && end->status != 0)
      return tl::make_unexpected(script_failure(title_, *end));
    return end;
  }

  // -- to the guest
  // --------------------------------------------------------------------------------------

  result<void> to_guest() {
    const auto& path = state_.guest_path;
    auto packed = pack_workspace(talk_, where_, from_, request_);
    if (!packed)
      return tl::make_unexpected(packed.error());
    auto sent = send_parcel(talk_, vm_, *packed, core::stage_sync_script(path, how_.is_forced),
                            core::drop_sync_script(path), title_);
    if (!sent)
      return tl::make_unexpected(sent.error());
    auto what = core::parse_name_status(sent->out);
    auto agreed = what && agree(*what, "in the guest");
    auto end = guest(agreed ? core::apply_sync_script(path) : core::drop_sync_script(path));
    if (!what)
      return tl::make_unexpected(what.error());
    if (!end)
      return tl::make_unexpected(end.error());
    tell(*what, agreed);
    return {};
  }

  // -- to the host
  // ---------------------------------------------------------------------------------------

  result<void> to_host() {
    const auto& path = state_.guest_path;
    if (!from_.where)
      return fail(ec::bad_request, title_, state_.source + " is in no git repository");
    auto end = guest(core::freeze_script(path));
    if (!end)
      return tl::make_unexpected(end.error());
    auto what = take_frozen(end->out);
    if (!what)
      return tl::make_unexpected(what.error());
    if (auto ok = check_host(*what); !ok)
      return ok;
    auto agreed = agree(*what, "in " + state_.source);
    if (agreed && !what->empty())
      if (auto ok = apply(*what); !ok)
        return ok;
    tell(*what, agreed);
    return {};
  }

  /// The answer of freeze_script.
  result<changes> take_frozen(const std::string& text) {
    auto parts = core::split_nul(text);
    auto end = std::find(parts.begin(), parts.end(), std::string{});
    if (parts.empty() || end == parts.end() || parts.front().empty())
      return fail(ec::failed, title_, "the guest's answer is not whole");
    frozen_ = parts.front();
    for (auto at = end + 1; at != parts.end(); ++at)
      if (auto tab = at->find('\t'); tab != std::string::npos)
        prepared_[at->substr(tab + 1)] = at->substr(0, tab);
    return core::parse_name_status(core::join_nul({parts.begin() + 1, end}));
  }

  /// Errors: wrong_state, where a file that is to be changed is not the one that went to the guest.
  result<void> check_host(const changes& what) {
    auto folder = workspace::work_folder::make(where_.cache + "/workspaces");
    if (!folder)
      return tl::make_unexpected(folder.error());
    auto now = files_of_host(folder->path());
    if (!now)
      return tl::make_unexpected(now.error());
    std::vector<std::string> others;
    for (const auto& [letter, path] : what) {
      auto before = prepared_.find(path), here = now->find(path);
      struct stat info {};
      auto is_there = here != now->end() || ::lstat((from_.top + "/" + path).c_str(), &info) == 0;
      auto is_same = before == prepared_.end()
                         ? !is_there
                         : here != now->end() && here->second == before->second;
      if (!is_same)
        others.push_back(path);
    }
    if (others.empty())
      return {};
    auto list = printable(others.front());
    constexpr std::size_t most = 3;
    for (std::size_t i = 1; i < others.size() && i < most; ++i)
      list += ", " + printable(others[i]);
    return fail(
        ec::wrong_state, title_,
        "changed on the host meanwhile: " + list +
            (others.size() > most ? ", and " + std::to_string(others.size() - most) + " more" : ""),
        "banger workspace export --since-prepare " + vm_ + " | git apply --3way");
  }

  /// Mode, type and object of each file of the host, by path.
  result<std::map<std::string, std::string>> files_of_host(const std::string& folder) {
    auto cancel = talk_.signals().fd();
    auto tree = workspace::name_content(*from_.where, request_.how.untracked, folder, cancel);
    auto program = workspace::git::open(from_.top, cancel);
    if (!tree || !program)
      return tl::make_unexpected(!tree ? tree.error() : program.error());
    program->use_objects(folder + "/objects", from_.where->common_dir + "/objects");
    auto text = program->output({"ls-tree", "-r", "-z", "--full-tree", *tree});
    if (!text)
      return tl::make_unexpected(text.error());
    std::map<std::string, std::string> files;
    for (const auto& line : core::split_nul(*text))
      if (auto tab = line.find('\t'); tab != std::string::npos)
        files[line.substr(tab + 1)] = line.substr(0, tab);
    return files;
  }

  /// Errors: as git apply, which changes nothing then.
  result<void> apply(const changes& what) {
    auto patch = guest(core::frozen_patch_script(state_.guest_path, frozen_));
    auto program = workspace::git::open(from_.top, -1); // not to be broken off half way
    if (!patch || !program)
      return tl::make_unexpected(!patch ? patch.error() : program.error());
    if (auto ok = program->output({"apply", "--whitespace=nowarn", "-"}, patch->out); !ok)
      return fail(ok.error().code, title_, ok.error().why,
                  "banger workspace export saves the patch to a file");
    for (const auto& [letter, path] : what) // untracked here, and to be carried back all the same
      if (letter == 'A')
        request_.how.untracked.also.push_back(path);
    auto folder = workspace::work_folder::make(where_.cache + "/workspaces");
    if (!folder)
      return tl::make_unexpected(folder.error());
    auto tree = workspace::name_content(*from_.where, request_.how.untracked, folder->path(), -1);
    if (!tree)
      return tl::make_unexpected(tree.error());
    auto settled = guest(
        core::settle_script(state_.guest_path, frozen_, workspace_record(from_, request_, *tree)));
    return settled ? result<void>{} : tl::make_unexpected(settled.error());
  }

  session& talk_;
  const workspace_options& how_;
  const std::string& vm_;
  const host::paths& where_;
  std::string title_ = "sync the workspace of vm '" + vm_ + "'";
  workspace_state state_;
  workspace::source_request request_;
  workspace::source from_;
  std::string frozen_;                          ///< tree of the guest
  std::map<std::string, std::string> prepared_; ///< mode, type and object of each file, by path
};

} // namespace

int workspace_sync(client::connection link, const host::paths& where, const options& how) {
  session talk{std::move(link), how};
  auto done = sync{talk, where}.run();
  return done ? core::exit_ok : report(done.error(), how);
}

} // namespace banger::cli
