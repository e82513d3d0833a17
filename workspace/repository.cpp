#include "workspace/repository.hpp"

#include "host/files.hpp"

#include <sys/stat.h>

namespace banger::workspace {

namespace {

std::string title(const std::string& path) {
  return "take '" + path + "' along";
}

result<void> check_folder(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0)
    return fail_errno(title(path));
  if (!S_ISDIR(info.st_mode))
    return fail(ec::bad_request, title(path), "it is no folder",
                "banger vm cp copies single files");
  return {};
}

/// Why git does not know this folder.
failure explain(const std::string& path, const failure& why) {
  if (why.why.find("not a git repository") != std::string::npos)
    return {ec::not_found, title(path), "it is in no git repository",
            "--mode full-copy takes any folder, with all in it"};
  if (why.why.find("must be run in a work tree") != std::string::npos)
    return {ec::bad_request, title(path),
            "it is a bare repository, or git's own folder: there are no files to take",
            "clone it, and take the clone"};
  return {why.code, title(path), why.why, why.hint};
}

} // namespace

result<repository> find_repository(const std::string& path, int cancel_fd) {
  if (auto ok = check_folder(path); !ok)
    return tl::make_unexpected(ok.error());
  auto program = git::open(path, cancel_fd);
  if (!program)
    return tl::make_unexpected(program.error());
  repository where;
  struct question {
    const char* option;
    std::string& answer;
  };
  for (auto [option, answer] :
       {question{"--show-toplevel", where.top}, question{"--show-prefix", where.prefix},
        question{"--absolute-git-dir", where.git_dir}}) {
    auto text = program->line({"rev-parse", option});
    if (!text)
      return tl::make_unexpected(explain(path, text.error()));
    answer = *text;
  }
  auto common = program->line({"rev-parse", "--path-format=absolute", "--git-common-dir"});
  if (!common)
    return tl::make_unexpected(explain(path, common.error()));
  where.common_dir = *common;
  auto head = program->run({"rev-parse", "--verify", "--quiet", "HEAD^{commit}"});
  auto branch = program->run({"symbolic-ref", "--quiet", "HEAD"});
  if (!head || !branch)
    return tl::make_unexpected((!head ? head : branch).error());
  if (head->status == 0)
    where.head = head->out.substr(0, head->out.find('\n'));
  if (branch->status == 0)
    where.branch = branch->out.substr(0, branch->out.find('\n'));
  return where;
}

bool has_alternates(const repository& where) {
  return host::exists(where.common_dir + "/objects/info/alternates");
}

} // namespace banger::workspace
