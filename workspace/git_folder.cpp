#include "workspace/git_folder.hpp"

#include "core/git_text.hpp"
#include "core/workspace_plan.hpp"
#include "host/files.hpp"

#include <cstdlib>

namespace banger::workspace {

namespace {

class writer {
public:
  writer(const repository& where, const git& program, const history& past, const tags& marks,
         const std::string& folder)
      : where_(where), real_(program), commits_(past.commits), is_whole_(past.is_whole),
        refs_(marks.refs), folder_(folder) {}

  result<std::vector<std::string>> write_all() {
    for (auto step : {&writer::write_refs, &writer::write_config, &writer::write_rules,
                      &writer::write_merge_state})
      if (auto ok = (this->*step)(); !ok)
        return tl::make_unexpected(ok.error());
    return std::move(warnings_);
  }

private:
  result<void> write(const std::string& name, std::string_view text) {
    return host::write_file(folder_ + "/" + name, text, 0644);
  }

  /// The branch, what it follows, and where the history ends.
  result<void> write_refs() {
    auto is_detached = where_.branch.empty();
    if (auto ok = write("HEAD", is_detached ? where_.head + "\n" : "ref: " + where_.branch + "\n");
        !ok)
      return ok;
    if (!is_detached && !where_.head.empty())
      refs_ += where_.head + " " + where_.branch + "\n";
    auto here = names_of(commits_);
    auto remotes = real_.output({"for-each-ref", "--format=%(objectname) %(symref) %(refname)",
                                 "refs/remotes", is_whole_ ? "refs/heads" : "refs/remotes"});
    if (!remotes)
      return tl::make_unexpected(remotes.error());
    for (const auto& line : core::split_lines(*remotes)) {
      auto object = line.substr(0, line.find(' '));
      auto is_symbolic = line.compare(object.size(), 2, "  ") != 0;
      if (!is_symbolic && line.substr(object.size() + 2) != where_.branch &&
          here.find(object + "\n") != std::string::npos)
        refs_ += object + " " + line.substr(object.size() + 2) + "\n";
    }
    if (auto ok = write("packed-refs", refs_); !ok)
      return ok;
    auto own = git_file(where_.common_dir + "/shallow");
    std::string cut;
    for (const auto& commit : core::shallow_boundary(commits_, core::split_lines(own)))
      (cut += commit) += '\n';
    return cut.empty() ? result<void>{} : write("shallow", cut);
  }

  result<void> write_config() {
    auto carried = carried_settings(real_);
    auto format = real_.line({"rev-parse", "--show-object-format"});
    if (!carried || !format)
      return tl::make_unexpected(!carried ? carried.error() : format.error());
    std::vector<std::pair<std::string, std::string>> kept{
        {"core.repositoryformatversion", *format == "sha1" ? "0" : "1"},
        {"core.bare", "false"},
        {"core.logallrefupdates", "true"}};
    if (*format != "sha1")
      kept.emplace_back("extensions.objectformat", *format);
    kept.insert(kept.end(), carried->begin(), carried->end());
    return write("config", core::config_text(kept));
  }

  /// What is ignored, and which attributes files have, also says the user's own configuration.
  result<void> write_rules() {
    // The user's ignore file counts less than the repository's, which comes behind it here. The
    // user's attributes count less than any of the repository's: they keep a file of their own.
    auto ignored = user_rules("core.excludesFile", "ignore");
    auto attributes = user_rules("core.attributesFile", "attributes");
    if (!ignored || !attributes)
      return tl::make_unexpected((!ignored ? ignored : attributes).error());
    if (auto ok = write("info/exclude", *ignored + git_file(where_.common_dir + "/info/exclude"));
        !ok)
      return ok;
    if (auto ok = write("info/attributes", git_file(where_.common_dir + "/info/attributes")); !ok)
      return ok;
    if (!attributes->empty())
      if (auto ok = write("banger/attributes", *attributes); !ok)
        return ok;
    auto sparse = git_file(where_.git_dir + "/info/sparse-checkout");
    return sparse.empty() ? result<void>{} : write("info/sparse-checkout", sparse);
  }

  result<std::string> user_rules(const char* setting, const char* fallback) {
    auto path = real_.run({"config", "--type=path", "--get", setting});
    if (!path)
      return tl::make_unexpected(path.error());
    auto file = path->out.substr(0, path->out.find('\n'));
    auto text = git_file(file.empty() ? default_rules(fallback) : file);
    if (!text.empty() && !text.ends_with('\n'))
      text += '\n';
    return text;
  }

  /// Source: git-config(1), "core.excludesFile".
  static std::string default_rules(const std::string& name) {
    const char* folder = std::getenv("XDG_CONFIG_HOME");
    const char* home = std::getenv("HOME");
    if (folder != nullptr && *folder != '\0')
      return std::string{folder} + "/git/" + name;
    return home == nullptr ? std::string{} : std::string{home} + "/.config/git/" + name;
  }

  result<void> write_merge_state() {
    for (const auto* name :
         {"MERGE_HEAD", "MERGE_MSG", "MERGE_MODE", "CHERRY_PICK_HEAD", "REVERT_HEAD", "SQUASH_MSG"})
      if (auto path = where_.git_dir + "/" + name; host::exists(path))
        if (auto ok = write(name, git_file(path)); !ok)
          return ok;
    for (const auto* name : {"rebase-merge", "rebase-apply", "sequencer", "BISECT_LOG"})
      if (host::exists(where_.git_dir + "/" + name)) {
        warnings_.emplace_back("what git has begun here (a rebase, a sequence of picks or a "
                               "bisection) does not go along");
        break;
      }
    return {};
  }

  const repository& where_;
  const git& real_;
  const std::vector<std::string>& commits_;
  bool is_whole_;
  std::string refs_;
  const std::string& folder_;
  std::vector<std::string> warnings_;
};

} // namespace

result<std::vector<std::pair<std::string, std::string>>>
carried_settings(const git& program, const std::vector<std::string>& which) {
  std::vector<std::string> line{"config", "-z", "--list"};
  line.insert(line.end(), which.begin(), which.end());
  auto text = program.output(line);
  if (!text)
    return tl::make_unexpected(text.error());
  auto settings = core::parse_config(*text);
  std::erase_if(settings, [](const auto& x) { return !core::may_be_carried(x.first); });
  for (auto& [name, value] : settings)
    value = core::without_credentials(value);
  return settings;
}

result<tags> find_tags(const git& program, const std::vector<std::string>& commits) {
  auto text = program.output({"for-each-ref",
                              "--format=%(objecttype) %(objectname) %(*objectname) %(refname)",
                              "refs/tags"});
  if (!text)
    return tl::make_unexpected(text.error());
  tags found;
  auto here = names_of(commits);
  for (const auto& line : core::split_lines(*text)) {
    auto is_annotated = line.starts_with("tag ");
    auto object_at = line.find(' ') + 1, peeled_at = line.find(' ', object_at) + 1,
         ref_at = line.find(' ', peeled_at) + 1;
    auto object = line.substr(object_at, peeled_at - object_at - 1);
    auto peeled = is_annotated ? line.substr(peeled_at, ref_at - peeled_at - 1) : object;
    if (peeled.empty() || here.find(peeled + "\n") == std::string::npos)
      continue;
    found.refs += object + " " + line.substr(ref_at) + "\n";
    if (is_annotated)
      found.objects += object + "\n";
  }
  return found;
}

result<std::vector<std::string>> write_git_folder(const repository& where, const git& program,
                                                  const history& past, const tags& marks,
                                                  const std::string& folder) {
  return writer{where, program, past, marks, folder}.write_all();
}

} // namespace banger::workspace
