#include "cli/commands.hpp"
#include "cli/exec_stream.hpp"
#include "cli/render.hpp"
#include "cli/session.hpp"
#include "core/exit_code.hpp"
#include "core/ssh_command.hpp"
#include "host/clock.hpp"
#include "host/process.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

namespace banger::cli {

namespace {

result<std::vector<std::string>> ssh_line(client::connection& link, const std::string& ref,
                                          const std::vector<std::string>& more) {
  auto target = link.ask<ssh_target>(get_ssh_target{ref}, quick_limit);
  if (!target)
    return tl::make_unexpected(target.error());
  auto program = host::find_program("ssh", host::search_path());
  if (!program)
    return fail(ec::missing_program, "find ssh", "it is not installed",
                "apt-get install openssh-client");
  return core::ssh_arguments(*program, *target, more);
}

/// Runs ssh on our terminal and waits for it; Ctrl-C is its business.
result<int> run_ssh(client::connection& link, const std::string& ref) {
  auto line = ssh_line(link, ref, {});
  if (!line)
    return tl::make_unexpected(line.error());
  host::spawn_request spawn;
  spawn.argv = *line;
  spawn.fds = {
      {STDIN_FILENO, STDIN_FILENO}, {STDOUT_FILENO, STDOUT_FILENO}, {STDERR_FILENO, STDERR_FILENO}};
  auto old_handler = std::signal(SIGINT, SIG_IGN);
  auto child = host::spawn(spawn);
  int status = 0;
  if (child)
    while (::waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {
    }
  std::signal(SIGINT, old_handler);
  if (!child)
    return tl::make_unexpected(child.error());
  return WIFSIGNALED(status) ? core::exit_signalled + WTERMSIG(status) : WEXITSTATUS(status);
}

/// Makes and boots the VM. On failure an ephemeral one is removed.
result<vm_info> make_and_start(session& talk) {
  const auto& how = talk.how();
  auto since = host::unix_ms();
  auto made = talk.ask<vm_info>(create_vm{how.config}, operation_limit);
  if (!made)
    return made;
  auto started =
      talk.was_interrupted()
          ? result<vm_info>{fail(ec::cancelled, "run vm '" + made->name + "'", "cancelled")}
          : talk.ask<vm_info>(start_vm{made->id}, operation_limit);
  if (!started && how.config.is_ephemeral)
    (void)talk.ask<vm_info>(delete_vm{made->id},
                            operation_limit); // the first failure is the one to tell
  if (started && is_terminal(STDERR_FILENO))
    print_error(started->name + " started in " + seconds(host::unix_ms() - since) + "\n");
  return started;
}

} // namespace

int vm_run(client::connection link, const options& how) {
  session talk{std::move(link), how};
  auto vm = make_and_start(talk);
  if (!vm)
    return report(vm.error(), how);
  auto status =
      how.has_command ? stream_exec(talk.link(), how, vm->name) : run_ssh(talk.link(), vm->name);
  if (how.config.is_ephemeral) {
    auto gone = talk.ask<vm_info>(delete_vm{vm->id}, operation_limit);
    if (!gone && status)
      return report(gone.error(), how);
  } else if (!how.has_command) {
    print_error("vm '" + vm->name + "' is still running; stop it with: banger vm stop " + vm->name +
                "\n");
  }
  return status ? *status : report(status.error(), how);
}

int vm_exec(client::connection link, const options& how) {
  auto status = stream_exec(link, how, how.refs.front());
  return status ? *status : report(status.error(), how);
}

int vm_ssh(client::connection link, const options& how) {
  auto line = ssh_line(link, how.refs.front(), how.command);
  if (!line)
    return report(line.error(), how);
  std::vector<char*> argv;
  for (auto& word : *line)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  std::signal(SIGPIPE, SIG_DFL); // ssh inherits what we ignore
  ::execv(argv.front(), argv.data());
  return report({ec::failed, "run ssh", std::strerror(errno), {}}, how);
}

} // namespace banger::cli
