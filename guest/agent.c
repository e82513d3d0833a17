// banger-agent: tells the host when the guest is ready, and runs commands for it.
//
//   banger-agent [--exec-socket PATH] [--no-control] [--sessions-dir DIR] [--sessions-run DIR]
//   banger-agent archive pack|unpack ...    a command that it runs for a copy: agent_archive.h
//
// One thread, one poll(2), no timers while nothing is under way. SIGTERM ends every command and
// the agent; sessions are processes of their own and go on.
#define _GNU_SOURCE
#include "agent_archive.h"
#include "agent_command.h"
#include "agent_control.h"
#include "agent_exec.h"
#include "agent_forward.h"
#include "agent_session.h"
#include "io.h"
#include "port_mux.h"
#include "session_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char program[] = "banger-agent";

static int sooner(int a, int b) {
  if (a < 0)
    return b;
  return b < 0 || a < b ? a : b;
}

static pid_t port_process;
static const char* port_socket;
static int port_fd = -1; ///< in place of the machine's port

/// Where it ends, another one begins: whoever ended it meant that stream.
static void start_port(void) {
  port_process = port_mux_start(port_socket, port_fd);
  if (port_process < 0)
    log_line(program, "start banger-port: %s", strerror(errno));
}

static void reap(void) {
  int status = 0;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid == port_process)
      start_port();
    command_reaped(pid, status);
    agent_session_reaped(pid);
  }
}

/// @returns false on SIGTERM.
static bool take_signals(int signals) {
  struct signalfd_siginfo info;
  bool goes_on = true;
  while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
    if (info.ssi_signo == SIGCHLD)
      reap();
    else if (info.ssi_signo == SIGIO)
      control_woken();
    else if (info.ssi_signo == SIGTERM)
      goes_on = false;
  }
  return goes_on;
}

static void serve(int signals) {
  static struct pollfd fds[1 + 1 + exec_poll_max + command_poll_max + 1];
  for (bool goes_on = true; goes_on;) {
    int count = 1;
    fds[0] = (struct pollfd){.fd = signals, .events = POLLIN};
    int control = control_poll(fds + count);
    struct pollfd* exec = fds + count + control;
    int exec_count = exec_poll(exec);
    struct pollfd* command = exec + exec_count;
    int command_count = command_poll(command);
    struct pollfd* session = command + command_count;
    count += control + exec_count + command_count + agent_session_poll(session);
    int timeout = sooner(control_timeout(), sooner(exec_timeout(), command_timeout()));
    if (poll(fds, (nfds_t)count, timeout) < 0)
      continue;
    // Commands before connections: a number that is closed here may be taken again there.
    agent_session_work(session);
    command_work(command, command_count);
    exec_work(exec, exec_count);
    control_work(control > 0 ? fds[1].revents : 0);
    goes_on = fds[0].revents == 0 || take_signals(signals);
  }
}

static int open_signals(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigaddset(&set, SIGIO);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, NULL);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

struct options {
  const char *exec_socket, *sessions_dir, *sessions_run;
  const char* data_port_fd; ///< of tests: a socket in place of the machine's data port
  bool has_control;
};

static bool parse_options(int count, char** arguments, struct options* out) {
  for (int i = 1; i < count; ++i) {
    const char** value = NULL;
    if (strcmp(arguments[i], "--no-control") == 0) {
      out->has_control = false;
      continue;
    }
    if (strcmp(arguments[i], "--exec-socket") == 0)
      value = &out->exec_socket;
    else if (strcmp(arguments[i], "--sessions-dir") == 0)
      value = &out->sessions_dir;
    else if (strcmp(arguments[i], "--sessions-run") == 0)
      value = &out->sessions_run;
    else if (strcmp(arguments[i], "--data-port-fd") == 0)
      value = &out->data_port_fd;
    if (value == NULL || i + 1 == count)
      return false;
    *value = arguments[++i];
  }
  return true;
}

/// @returns whether it is one of the commands that the host runs; else this is the agent itself
static bool run_command(int count, char** arguments, int* status) {
  if (count > 1 && strcmp(arguments[1], "archive") == 0)
    *status = agent_archive(count - 2, arguments + 2);
  else if (count == 2 && strcmp(arguments[1], "ports") == 0)
    *status = agent_ports();
  else if (count == 2 && strcmp(arguments[1], "forward") == 0)
    *status = agent_forward(false);
  else if (count == 3 && strcmp(arguments[1], "forward") == 0 &&
           strcmp(arguments[2], "--watch") == 0)
    *status = agent_forward(true);
  else
    return false;
  return true;
}

int main(int count, char** arguments) {
  int status = 0;
  if (run_command(count, arguments, &status))
    return status;
  struct options options = {.exec_socket = BANGER_EXEC_SOCKET,
                            .sessions_dir = BANGER_SESSIONS_DIR,
                            .sessions_run = BANGER_SESSIONS_RUN,
                            .has_control = true};
  if (!parse_options(count, arguments, &options)) {
    log_line(program, "usage: banger-agent [--exec-socket PATH] [--no-control] "
                      "[--sessions-dir DIR] [--sessions-run DIR] | ports | forward [--watch]");
    return 2;
  }
  session_folders_set(options.sessions_dir, options.sessions_run);
  umask(022);
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < 4096) {
    files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  int signals = open_signals();
  agent_session_open();
  if (!exec_listen(options.exec_socket)) {
    log_line(program, "listen on %s: %s", options.exec_socket, strerror(errno));
    return 1;
  }
  if (options.has_control) {
    // Without the agent nobody can reach the machine: the last to go when memory is short.
    write_kernel_file("/proc/self/oom_score_adj", "-900");
    if (!control_open())
      log_line(program, "no port named " BANGER_CONTROL_PORT ": %s", strerror(errno));
  }
  port_socket = options.exec_socket;
  if (options.data_port_fd != NULL) {
    port_fd = atoi(options.data_port_fd);
    fcntl(port_fd, F_SETFD, FD_CLOEXEC);
    fcntl(port_fd, F_SETFL, O_NONBLOCK);
  }
  if (options.has_control || port_fd >= 0)
    start_port();
  serve(signals);
  exec_close();
  command_end_all();
  return 0;
}
