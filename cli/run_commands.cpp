#include "cli/commands.hpp"
#include "cli/exec_stream.hpp"
#include "cli/file_sync.hpp"
#include "cli/render.hpp"
#include "cli/session.hpp"
#include "cli/workspace_send.hpp"
#include "client/hosts.hpp"
#include "core/exit_code.hpp"
#include "core/shell_quote.hpp"
#include "core/ssh_command.hpp"
#include "host/clock.hpp"
#include "host/process.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <iterator>
#include <optional>
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

/// "banger vm run uname" has a command where a path goes.
failure explain_path(failure why, const options& how) {
  if (why.code == ec::not_found && how.workspace.path.find('/') == std::string::npos &&
      !how.has_command && why.hint.empty())
    why.hint = "a command goes after '--': banger vm run -- " + how.workspace.path;
  return why;
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

/// What is to be in the VM before the command runs.
struct luggage {
  workspace::source from;
  result<workspace::parcel> packed;
};

/// Makes and boots the VM. On failure an ephemeral one is removed. @param meanwhile  work that
/// needs no VM
result<vm_info> make_and_start(session& talk, const std::function<void()>& meanwhile) {
  const auto& how = talk.how();
  auto since = host::unix_ms();
  auto made = talk.ask<vm_info>(create_vm{how.config}, operation_limit);
  if (!made)
    return made;
  result<vm_info> started = fail(ec::cancelled, "run vm '" + made->name + "'", "cancelled");
  if (!talk.was_interrupted()) {
    auto number = talk.link().send(start_vm{made->id});
    (void)talk.link().pump(); // it boots while we work
    meanwhile();
    auto answers = talk.wait_for({number}, operation_limit);
    started = answers ? client::decode<vm_info>(answers->front())
                      : result<vm_info>{tl::make_unexpected(answers.error())};
  }
  if (!started && how.config.is_ephemeral)
    (void)talk.ask<vm_info>(delete_vm{made->id},
                            operation_limit); // the first failure is the one to tell
  if (started && is_terminal(STDERR_FILENO))
    print_error(started->name + " started in " + seconds(host::unix_ms() - since) + "\n");
  return started;
}

/// Brings the workspace into the VM. @returns the folder to work in; empty where there is none
result<std::string> unpack_luggage(session& talk, const std::string& vm,
                                   const std::optional<luggage>& carried) {
  if (!carried)
    return std::string{};
  if (!carried->packed)
    return tl::make_unexpected(carried->packed.error());
  auto made = make_workspace(talk, vm, carried->from, *carried->packed);
  if (!made)
    return tl::make_unexpected(made.error());
  tell_prepared(*made);
  auto folder = made->guest_path + "/" + carried->from.prefix;
  while (folder.ends_with('/'))
    folder.pop_back();
  return folder;
}

result<int> run_command(session& talk, const std::string& vm, const std::string& folder) {
  if (talk.how().has_command)
    return stream_exec(talk, vm, folder);
  if (folder.empty())
    return run_ssh(talk, vm, {});
  return run_ssh(talk, vm,
                 {"-t", "cd " + core::shell_quote(folder) + " && exec \"${SHELL:-/bin/sh}\" -l"});
}

} // namespace

int vm_run(client::connection link, const host::paths& where, const options& how) {
  session talk{std::move(link), how};
  auto config = client::read_user_config(where);
  if (!config)
    return report(config.error(), how);
  std::optional<luggage> carried;
  if (!how.workspace.path.empty()) {
    auto from = workspace::find_source(source_request_of(how), talk.signals().fd());
    if (!from)
      return report(explain_path(from.error(), how), how);
    if (auto path = guest_path_of(how, *from); !path)
      return report(path.error(), how);
    carried = luggage{std::move(*from), fail(ec::cancelled, "take the repository along")};
  }
  auto vm = make_and_start(talk, [&] {
    if (carried)
      carried->packed = pack_workspace(talk, where, carried->from, source_request_of(how));
  });
  if (!vm)
    return report(vm.error(), how);
  auto synced = sync_files(talk, where, *config, vm->name);
  auto folder = synced ? unpack_luggage(talk, vm->name, carried)
                       : result<std::string>{tl::make_unexpected(synced.error())};
  auto status = folder ? run_command(talk, vm->name, *folder)
                       : result<int>{tl::make_unexpected(folder.error())};
  if (how.config.is_ephemeral) {
    auto gone = talk.ask<vm_info>(delete_vm{vm->id}, operation_limit);
    if (!gone && status)
      return report(gone.error(), how);
  } else if (!how.has_command || !folder) {
    print_error("vm '" + vm->name + "' is still running; stop it with: banger vm stop " + vm->name +
                "\n");
  }
  return status ? *status : report(status.error(), how);
}

int vm_exec(client::connection link, const host::paths& where, const options& how) {
  if (how.session.is_terminal || how.session.detaches)
    return exec_as_session(std::move(link), where, how);
  session talk{std::move(link), how};
  auto status = stream_exec(talk, how.refs.front(), {});
  return status ? *status : report(status.error(), how);
}

int vm_ssh(client::connection link, const options& how) {
  session talk{std::move(link), how};
  auto status = run_ssh(talk, how.refs.front(), how.command);
  return status ? *status : report(status.error(), how);
}

} // namespace banger::cli
