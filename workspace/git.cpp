#include "workspace/git.hpp"

#include "core/git_text.hpp"
#include "host/process.hpp"
#include "host/scratch_file.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace banger::workspace {

namespace {

std::vector<std::string> environment_with(const std::vector<std::string>& more) {
  std::vector<std::string> all;
  for (auto* at = environ; *at != nullptr; ++at)
    if (std::strncmp(*at, "GIT_", 4) != 0)
      all.emplace_back(*at);
  all.insert(all.end(),
             {"LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1",
              "GIT_NO_REPLACE_OBJECTS=1", "GIT_GRAFT_FILE=/dev/null"});
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

} // namespace

result<tool> tool::find(const std::string& program, const std::string& package, int cancel_fd) {
  auto path = host::find_program(program, host::search_path());
  if (!path)
    return fail(ec::missing_program, "find " + program, "it is not installed",
                "apt-get install " + package);
  return tool{*path, cancel_fd};
}

result<finished> tool::run(const std::string& folder, const std::vector<std::string>& arguments,
                           std::string_view input,
                           const std::vector<std::string>& environment) const {
  auto in = host::make_scratch_file(input);
  auto out = host::make_scratch_file(), err = host::make_scratch_file();
  if (!in || !out || !err)
    return tl::make_unexpected((!in ? in : !out ? out : err).error());
  host::spawn_request spawn;
  spawn.argv = {path_};
  if (!folder.empty())
    spawn.argv.insert(spawn.argv.end(), {"-C", folder});
  spawn.argv.insert(spawn.argv.end(), arguments.begin(), arguments.end());
  spawn.env = environment_with(environment);
  spawn.fds = {{in->get(), 0}, {out->get(), 1}, {err->get(), 2}};
  spawn.has_own_session = true; // Ctrl-C is ours to take
  auto child = host::spawn(spawn);
  if (!child)
    return tl::make_unexpected(child.error());
  bool is_cancelled = false;
  while (!host::has_ended(child->pidfd)) {
    pollfd waiting[] = {{child->pidfd.get(), POLLIN, 0},
                        {is_cancelled ? -1 : cancel_fd_, POLLIN, 0}};
    (void)::poll(waiting, 2, -1);
    if (waiting[1].revents != 0) {
      is_cancelled = true;
      ::kill(-child->pid, SIGKILL);
    }
  }
  auto status = host::reap(child->pidfd).value_or(0);
  if (is_cancelled)
    return fail(ec::cancelled, "look at the repository", "cancelled");
  auto text = host::read_scratch_file(*out), said = host::read_scratch_file(*err);
  if (!text || !said)
    return tl::make_unexpected((!text ? text : said).error());
  return finished{WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
                  std::move(*text), std::move(*said)};
}

result<git> git::open(std::string folder, int cancel_fd) {
  auto program = tool::find("git", "git", cancel_fd);
  if (!program)
    return tl::make_unexpected(program.error());
  return git{std::move(*program), std::move(folder)};
}

result<finished> git::run(const std::vector<std::string>& arguments, std::string_view input) const {
  // A file system monitor would be told of us, and could be started.
  std::vector<std::string> line{"-c", "core.fsmonitor=false",  "-c", "index.sparse=false",
                                "-c", "core.splitIndex=false", "-c", "core.untrackedCache=false",
                                "-c", "core.safecrlf=false",   "-c", "core.hooksPath=/dev/null"};
  line.insert(line.end(), arguments.begin(), arguments.end());
  return tool_.run(folder_, line, input, environment_);
}

void git::use_objects(const std::string& folder, const std::string& objects) {
  environment_.push_back("GIT_OBJECT_DIRECTORY=" + folder);
  std::string quoted{"\""}; // or a colon would end it
  for (char c : objects)
    (quoted += c == '"' || c == '\\' ? "\\" : "") += c;
  environment_.push_back("GIT_ALTERNATE_OBJECT_DIRECTORIES=" + quoted + "\"");
}

result<std::string> git::output(const std::vector<std::string>& arguments,
                                std::string_view input) const {
  auto done = run(arguments, input);
  if (!done)
    return tl::make_unexpected(done.error());
  if (done->status != 0)
    return fail(ec::failed, "run git " + arguments.front() + " in " + folder_,
                done->err.empty() ? "it exited with status " + std::to_string(done->status)
                                  : reason_in(done->err));
  return std::move(done->out);
}

result<std::string> git::line(const std::vector<std::string>& arguments) const {
  auto text = output(arguments);
  if (text && text->ends_with('\n'))
    text->pop_back();
  return text;
}

std::string reason_in(std::string_view text) {
  auto lines = core::split_lines(text);
  for (const auto& line : lines)
    for (std::string_view word : {"fatal: ", "error: "})
      if (line.starts_with(word))
        return line.substr(word.size());
  while (!lines.empty() && lines.back().empty())
    lines.pop_back();
  return lines.empty() ? std::string{} : lines.back();
}

} // namespace banger::workspace
