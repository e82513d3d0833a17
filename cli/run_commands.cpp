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
#include <iterator>
#include <poll.h>
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

/// Runs ssh on our terminal and waits for it. Ctrl-C is its business: it gets its own from the
/// terminal. A signal that is meant to end us is passed on.
result<int> run_ssh(session& talk, const std::string& ref, const std::vector<std::string>& more) {
  auto line = ssh_line(talk.link(), ref, more);
  if (!line)
    return tl::make_unexpected(line.error());
  host::spawn_request spawn;
  spawn.argv = *line;
  spawn.fds = {
      {STDIN_FILENO, STDIN_FILENO}, {STDOUT_FILENO, STDOUT_FILENO}, {STDERR_FILENO, STDERR_FILENO}};
  auto child = host::spawn(spawn);
  if (!child)
    return tl::make_unexpected(child.error());
  while (!host::has_ended(child->pidfd)) {
    pollfd waiting[] = {{child->pidfd.get(), POLLIN, 0}, {talk.signals().fd(), POLLIN, 0}};
    (void)::poll(waiting, std::size(waiting), -1);
    if (auto signal = talk.signals().take(); signal != 0 && signal != SIGINT)
      host::signal_process(child->pidfd, signal);
  }
  auto status = host::reap(child->pidfd).value_or(0);
  if (WIFSIGNALED(status))
    return core::exit_signalled + WTERMSIG(status);
  // ssh ends so for whatever went wrong. A changed host key is for the daemon to know, and to tell.
  constexpr int ssh_failed = 255;
  if (WEXITSTATUS(status) == ssh_failed)
    if (auto ok = talk.ask<done>(check_guest_key{ref}, quick_limit, on_interrupt::leave);
        !ok &&
        (ok.error().code == ec::host_key_mismatch || ok.error().code == ec::host_key_revoked))
      return tl::make_unexpected(ok.error());
  return WEXITSTATUS(status);
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
  auto status = how.has_command ? stream_exec(talk, vm->name) : run_ssh(talk, vm->name, {});
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

int vm_exec(client::connection link, const host::paths& where, const options& how) {
  if (how.session.is_terminal || how.session.detaches)
    return exec_as_session(std::move(link), where, how);
  session talk{std::move(link), how};
  auto status = stream_exec(talk, how.refs.front());
  return status ? *status : report(status.error(), how);
}

int vm_ssh(client::connection link, const options& how) {
  session talk{std::move(link), how};
  auto status = run_ssh(talk, how.refs.front(), how.command);
  return status ? *status : report(status.error(), how);
}

} // namespace banger::cli
