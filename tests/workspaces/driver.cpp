// For tests: what the command line does for a workspace, without a guest between. The scripts for
// the guest's sh run here.
//
//   driver pack PATH WORK_PARENT [full-copy] [untracked] [depth=N] [from=REF]    the archive, on
//   stdout driver prepare PATH BRANCH FROM IS_REPOSITORY, driver export PATH BASE SINCE, driver
//   status PATH, driver list, driver stage PATH FORCED, driver apply PATH, driver drop PATH, driver
//   freeze PATH
#include "core/workspace_script.hpp"
#include "host/process.hpp"
#include "workspace/source.hpp"

#include <cstdio>
#include <string>
#include <unistd.h>
#include <vector>

using namespace banger;

namespace {

int complain(const failure& why) {
  std::fprintf(stderr, "%s: %s\n", to_string(why.code).c_str(), to_string(why).c_str());
  return 1;
}

int pack(const std::vector<std::string>& words) {
  workspace::source_request request;
  request.path = words.at(0);
  for (std::size_t i = 2; i < words.size(); ++i) {
    const auto& word = words[i];
    request.is_full_copy = request.is_full_copy || word == "full-copy";
    request.how.untracked.all = request.how.untracked.all || word == "untracked";
    if (word.starts_with("depth="))
      request.how.depth = static_cast<std::uint32_t>(std::stoul(word.substr(6)));
    if (word.starts_with("from="))
      request.how.from = word.substr(5);
  }
  auto from = workspace::find_source(request, -1);
  if (!from)
    return complain(from.error());
  auto what = workspace::pack(*from, request, words.at(1), -1);
  if (!what)
    return complain(what.error());
  if (from->where)
    if (auto ok =
            workspace::add_record(*what, from->where->head, "{\"tree\": \"" + what->tree + "\"}\n");
        !ok)
      return complain(ok.error());
  auto tar = workspace::start_packing(*what);
  if (!tar)
    return complain(tar.error());
  std::vector<char> buffer(1U << 16);
  for (ssize_t n = 0; (n = ::read(tar->out.get(), buffer.data(), buffer.size())) > 0;)
    if (::write(STDOUT_FILENO, buffer.data(), static_cast<std::size_t>(n)) != n)
      return 1;
  auto end = workspace::finish_packing(*tar);
  if (!end)
    return complain(end.error());
  std::fprintf(stderr, "from=%s commits=%u made=%zu pack=%zu tree=%s\n", what->from.c_str(),
               what->depth, what->made_files, static_cast<std::size_t>(what->pack_bytes),
               what->tree.c_str());
  for (const auto& text : what->warnings)
    std::fprintf(stderr, "warning: %s\n", text.c_str());
  return 0;
}

std::vector<std::string> script(const std::string& name, const std::vector<std::string>& words) {
  auto word = [&](std::size_t i) { return i < words.size() ? words[i] : std::string{}; };
  if (name == "prepare")
    return core::prepare_script({word(0), word(1), word(2), word(3) == "1"});
  if (name == "export")
    return core::export_script(word(0), word(1), word(2) == "1");
  if (name == "status")
    return core::status_script(word(0));
  if (name == "list")
    return core::list_workspaces_script();
  if (name == "stage")
    return core::stage_sync_script(word(0), word(1) == "1");
  if (name == "apply")
    return core::apply_sync_script(word(0));
  if (name == "drop")
    return core::drop_sync_script(word(0));
  if (name == "freeze")
    return core::freeze_script(word(0));
  return {};
}

} // namespace

int main(int argc, char** argv) {
  host::open_missing_streams();
  std::vector<std::string> words{argv + 1, argv + argc};
  if (words.empty())
    return 2;
  auto name = words.front();
  words.erase(words.begin());
  if (name == "pack")
    return pack(words);
  auto line = script(name, words);
  std::vector<char*> arguments;
  for (auto& word : line)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  if (line.empty() || ::execvp(arguments[0], arguments.data()) != 0)
    std::fprintf(stderr, "driver: no script '%s'\n", name.c_str());
  return 2;
}
