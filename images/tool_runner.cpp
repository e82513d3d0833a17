#include "images/tool_runner.hpp"

#include "core/line_buffer.hpp"
#include "host/process.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace banger::images {

namespace {

/// What a tool said that may explain its failure.
struct tool_output {
  std::string last_line;
  bool is_disk_full = false;
};

void take(tool_output& output, const std::string& line) {
  if (line.find("No space left on device") != std::string::npos)
    output.is_disk_full = true;
  if (line.find_first_not_of(" \t") != std::string::npos)
    output.last_line = line;
}

tl::unexpected<failure> failed(const std::string& program, const tool_output& output, int status) {
  auto why =
      output.last_line.empty() ? "it " + host::describe_wait_status(status) : output.last_line;
  return fail(output.is_disk_full ? ec::no_space : ec::image_failed, "run " + program, why);
}

} // namespace

tool_runner::tool_runner() {
  sigset_t handled;
  sigemptyset(&handled);
  sigaddset(&handled, SIGTERM);
  sigaddset(&handled, SIGINT);
  ::sigprocmask(SIG_BLOCK, &handled, nullptr);
  signals_.reset(::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
}

result<void> tool_runner::run(const std::string& program, const std::string& package,
                              std::vector<std::string> arguments, const line_handler& on_line,
                              const std::string& input, const std::string& output) {
  auto path = host::find_program(program, host::search_path());
  if (!path)
    return fail(ec::missing_program, "find " + program, "it is not installed",
                "apt-get install " + package);
  auto pipe = host::make_pipe();
  if (!pipe)
    return tl::make_unexpected(pipe.error());
  auto& [reader, writer] = *pipe;
  host::unique_fd in, out;
  host::spawn_request spawn;
  arguments.insert(arguments.begin(), *path);
  // Should we be killed, the tool is told to end as well; mmdebstrap then removes its own folder.
  if (auto setpriv = host::find_program("setpriv", host::search_path()))
    arguments.insert(arguments.begin(), {*setpriv, "--pdeathsig", "TERM", "--"});
  spawn.argv = std::move(arguments);
  spawn.has_own_session = true; // so that it and its children can be signalled as one group
  spawn.fds = {{writer.get(), 2}};
  if (!input.empty()) {
    in.reset(::open(input.c_str(), O_RDONLY | O_CLOEXEC));
    spawn.fds.push_back({in.get(), 0});
  }
  if (!output.empty())
    out.reset(::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  spawn.fds.push_back({output.empty() ? writer.get() : out.get(), 1});
  if ((!input.empty() && !in) || (!output.empty() && !out))
    return fail_errno("open " + (input.empty() ? output : input));
  auto child = host::spawn(spawn);
  if (!child)
    return tl::make_unexpected(child.error());
  writer.reset();

  core::line_buffer lines;
  tool_output said;
  bool is_open = true;
  while (is_open) {
    pollfd waiting[] = {{reader.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
    if (::poll(waiting, 2, -1) < 0 && errno != EINTR)
      return fail_errno("wait for " + program);
    if ((waiting[1].revents & POLLIN) != 0) {
      signalfd_siginfo info{};
      if (::read(signals_.get(), &info, sizeof info) == sizeof info)
        signal_ = static_cast<int>(info.ssi_signo);
      ::kill(-child->pid, SIGTERM);
    }
    if ((waiting[0].revents & (POLLIN | POLLHUP)) == 0)
      continue;
    char buffer[4096];
    auto n = ::read(reader.get(), buffer, sizeof buffer);
    is_open = n > 0 || (n < 0 && errno == EINTR);
    for (const auto& line :
         lines.feed({buffer, static_cast<std::size_t>(std::max<ssize_t>(n, 0))})) {
      take(said, line);
      std::fprintf(stderr, "%s\n", line.c_str());
      if (on_line)
        on_line(line);
    }
  }
  int status = 0;
  while (::waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (signal_ != 0) {
    ::kill(-child->pid, SIGKILL); // what it may have left behind
    return fail(ec::cancelled, "build the image", "cancelled");
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return failed(program, said, status);
  return {};
}

} // namespace banger::images
