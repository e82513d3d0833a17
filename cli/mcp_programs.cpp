// Tools that are commands of banger's own, run beside us: a part of mcp_server.hpp.
#include "cli/mcp_server.hpp"
#include "cli/mcp_text.hpp"
#include "cli/rpc_values.hpp"
#include "core/vm_name.hpp"
#include "host/process.hpp"
#include "host/scratch_file.hpp"

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace banger::cli::mcp {

using rpc::flag_in;
using rpc::text_in;

namespace {

/// A process of ours. It is over when it has ended, also where nobody waits for it any more.
class program final : public rpc::job {
public:
  using done = std::function<void(int wait_status, const std::string& said)>;
  program(host::child child, host::unique_fd said, done then)
      : child_(std::move(child)), said_(std::move(said)), then_(std::move(then)) {}

  bool take(const client::incoming&) override { return false; }
  void end(const failure&) override {
    deadline = client::clock::time_point::max();
    host::signal_process(child_.pidfd, SIGTERM);
  }
  [[nodiscard]] int fd() const override { return child_.pidfd.get(); }
  void wake() override {
    const auto status = host::reap(child_.pidfd);
    if (!status)
      return;
    is_over = true;
    then_(*status, host::read_scratch_file(said_).value_or(std::string{}));
  }

private:
  host::child child_;
  host::unique_fd said_;
  done then_;
};

} // namespace

void server::run_own(const call_pointer& call, std::vector<std::string> arguments) {
  auto said = host::make_scratch_file();
  if (!said)
    return finish(call, said.error());
  host::spawn_request spawn;
  spawn.argv = std::move(arguments);
  spawn.argv.insert(spawn.argv.begin(), program_);
  spawn.fds = {{said->get(), STDOUT_FILENO}, {said->get(), STDERR_FILENO}};
  spawn.has_own_session = true; // our Ctrl-C is not its own: we end it
  auto child = host::spawn(spawn);
  if (!child)
    return finish(call, child.error());
  auto& made = loop_.jobs().add(std::make_unique<program>(
      std::move(*child), std::move(*said), [this, call](int status, const std::string& text) {
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
          finish(call, text.empty() ? "done" : text);
        else
          finish(call, text.empty() ? host::describe_wait_status(status) : text, true);
      }));
  call->cancel = [&made] { made.end({ec::cancelled, {}, {}, {}}); };
}

// A sandbox's name stands where an option could, so it must be a name.

void server::upload(const call_pointer& call) {
  const auto& asked = call->arguments;
  const auto sandbox = text_in(asked, "sandbox");
  if (auto ok = core::check_vm_name(sandbox); !ok)
    return finish(call, ok.error());
  const auto source = text_in(asked, "source");
  if (!source.starts_with('/'))
    return finish(call, "source must be an absolute path on the host", true);
  run_own(call, {"vm", "cp", source, sandbox + ":" + text_in(asked, "destination")});
}

void server::prepare_workspace(const call_pointer& call) {
  const auto& asked = call->arguments;
  const auto sandbox = text_in(asked, "sandbox");
  if (auto ok = core::check_vm_name(sandbox); !ok)
    return finish(call, ok.error());
  const auto path = text_in(asked, "path");
  if (!path.starts_with('/'))
    return finish(call, "path must be an absolute path on the host", true);
  std::vector<std::string> line{"workspace", "prepare", sandbox, path};
  if (const auto to = text_in(asked, "guest_path"); !to.empty())
    line.push_back("--guest-path=" + to);
  if (flag_in(asked, "include_untracked"))
    line.emplace_back("--include-untracked");
  run_own(call, std::move(line));
}

} // namespace banger::cli::mcp
