// banger-agent: tells the host when the guest is ready, and runs commands for it.
//
//   banger-agent [--exec-socket PATH] [--no-control]
//
// One thread, one poll(2), no timers while nothing is under way. SIGTERM ends every command and
// the agent.
#define _GNU_SOURCE
#include "agent_command.h"
#include "agent_control.h"
#include "agent_exec.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

static const char program[] = "banger-agent";

static int sooner(int a, int b) {
  if (a < 0)
    return b;
  return b < 0 || a < b ? a : b;
}

/// @returns false on SIGTERM.
static bool take_signals(int signals) {
  struct signalfd_siginfo info;
  bool goes_on = true;
  while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
    if (info.ssi_signo == SIGCHLD)
      command_reap();
    else if (info.ssi_signo == SIGIO)
      control_woken();
    else if (info.ssi_signo == SIGTERM)
      goes_on = false;
  }
  return goes_on;
}

static void serve(int signals) {
  static struct pollfd fds[1 + 1 + exec_poll_max + command_poll_max];
  for (bool goes_on = true; goes_on;) {
    int count = 1;
    fds[0] = (struct pollfd){.fd = signals, .events = POLLIN};
    int control = control_poll(fds + count);
    struct pollfd* exec = fds + count + control;
    int exec_count = exec_poll(exec);
    struct pollfd* command = exec + exec_count;
    int command_count = command_poll(command);
    count += control + exec_count + command_count;
    int timeout = sooner(control_timeout(), sooner(exec_timeout(), command_timeout()));
    if (poll(fds, (nfds_t)count, timeout) < 0)
      continue;
    // Commands before connections: a number that is closed here may be taken again there.
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

int main(int count, char** arguments) {
  const char* exec_socket = BANGER_EXEC_SOCKET;
  bool has_control = true;
  for (int i = 1; i < count; ++i) {
    if (strcmp(arguments[i], "--no-control") == 0) {
      has_control = false;
    } else if (strcmp(arguments[i], "--exec-socket") == 0 && i + 1 < count) {
      exec_socket = arguments[++i];
    } else {
      log_line(program, "usage: banger-agent [--exec-socket PATH] [--no-control]");
      return 2;
    }
  }
  umask(022);
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < 4096) {
    files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  int signals = open_signals();
  if (!exec_listen(exec_socket)) {
    log_line(program, "listen on %s: %s", exec_socket, strerror(errno));
    return 1;
  }
  if (has_control) {
    // Without the agent nobody can reach the machine: the last to go when memory is short.
    write_kernel_file("/proc/self/oom_score_adj", "-900");
    if (!control_open())
      log_line(program, "no port named " BANGER_CONTROL_PORT ": %s", strerror(errno));
  }
  serve(signals);
  exec_close();
  command_end_all();
  return 0;
}
