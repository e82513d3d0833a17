// banger-agent: tells the host when the guest is ready, and runs commands for it.
//
//   banger-agent [--exec-socket PATH] [--no-control] [--sessions-dir DIR] [--sessions-run DIR]
//                [--detach]
//   banger-agent archive pack|unpack ...    a command that it runs for a copy: agent_archive.h
//   banger-agent --sha256 FILE
//
// --detach comes back when it listens, and goes on in the background. --sha256 prints a file's
// digest: by both the daemon puts an agent into a guest that has none (docs/sessions.md).
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
#include "sha256.h"

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
  bool has_control, detaches;
};

static bool parse_options(int count, char** arguments, struct options* out) {
  for (int i = 1; i < count; ++i) {
    const char** value = NULL;
    if (strcmp(arguments[i], "--no-control") == 0) {
      out->has_control = false;
      continue;
    }
    if (strcmp(arguments[i], "--detach") == 0) {
      out->detaches = true;
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

static int print_digest(const char* path) {
  char digest[SHA256_HEX_SIZE];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || sha256_file(fd, digest) != 0) {
    log_line(program, "%s: %s", path, strerror(errno));
    return 1;
  }
  close(fd);
  return puts(digest) < 0 || fflush(stdout) != 0;
}

/// From here on we are a process that nobody waits for. Whoever started us waits until the end of
/// `told` is closed: when we listen, or with us.
/// @returns where we say that we do
static int go_into_background(void) {
  int told[2];
  if (pipe2(told, O_CLOEXEC) != 0)
    return -1;
  pid_t pid = fork();
  if (pid < 0)
    return -1;
  if (pid > 0) {
    close(told[1]);
    char byte = 0;
    ssize_t n;
    while ((n = read(told[0], &byte, 1)) < 0 && errno == EINTR)
      ;
    _exit(n == 1 ? 0 : 1); // where it is not 1, why was said on our stderr
  }
  close(told[0]);
  setsid();
  (void)!chdir("/");
  return told[1];
}

/// Lets go of the streams of whoever started us: what we start must not hold them either.
static void leave_streams(void) {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int standard = 0; standard <= 2; ++standard)
    dup2(null, standard);
  close(null);
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
  else if (count == 3 && strcmp(arguments[1], "--sha256") == 0)
    *status = print_digest(arguments[2]);
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
                      "[--sessions-dir DIR] [--sessions-run DIR] [--detach] | ports | forward "
                      "[--watch] | --sha256 FILE");
    return 2;
  }
  int told = options.detaches ? go_into_background() : -1;
  if (options.detaches && told < 0) {
    log_line(program, "go into the background: %s", strerror(errno));
    return 1;
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
      log_line(program, "no port named " BANGER_CONTROL_PORT ", and no vsock: %s", strerror(errno));
  }
  if (told >= 0)
    leave_streams();
  port_socket = options.exec_socket;
  if (options.data_port_fd != NULL) {
    port_fd = atoi(options.data_port_fd);
    fcntl(port_fd, F_SETFD, FD_CLOEXEC);
    fcntl(port_fd, F_SETFL, O_NONBLOCK);
  }
  if (options.has_control || port_fd >= 0)
    start_port();
  if (told >= 0) {
    (void)!write(told, "", 1);
    close(told);
  }
  serve(signals);
  exec_close();
  command_end_all();
  return 0;
}
