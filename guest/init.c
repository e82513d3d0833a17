// banger-init: PID 1 of an image without systemd. Sets the machine up, serves ssh by starting one
// sshd a connection, keeps banger-agent running, reaps, and powers off cleanly.
//
// Other names and uses of this program:
//   banger-init setup                   the set-up alone, for a systemd image's
//   banger-setup.service poweroff, halt, reboot, shutdown    symbolic links to it: ask PID 1
#define _GNU_SOURCE
#include "io.h"
#include "setup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char program[] = "banger-init";

enum {
  ssh_port = 22, ///< of TCP and of vsock
  family_vsock = 40,
  max_logins = 256, ///< sshd processes at a time: MaxStartups does not count across processes
  max_buttons = 8,
  first_button = 3, ///< among what is polled
  agent_pause_ms = 1000,
  key_event = 1,   ///< EV_KEY of linux/input.h
  key_power = 116, ///< KEY_POWER of linux/input-event-codes.h
};

/// struct input_event of linux/input.h on x86-64.
struct input_event {
  int64_t seconds, microseconds;
  uint16_t type, code;
  int32_t value;
};

/// struct sockaddr_vm of linux/vm_sockets.h, which musl does not come with.
struct vsock_address {
  uint16_t family, reserved;
  uint32_t port, cid;
  uint8_t flags, zero[3];
};

struct machine {
  int signals, listener;
  int vsock_listener; ///< -1 where the hypervisor has no virtual socket
  int buttons[max_buttons];
  int button_count;
  pid_t logins[max_logins]; ///< 0: free
  pid_t agent;
  bool agent_is_due;
};

/// Starts a program in a session of its own. `connection`, unless it is -1, is its standard input
/// and output.
static pid_t start(char* const arguments[], int connection) {
  pid_t child = fork();
  if (child != 0)
    return child;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  setsid();
  if (connection >= 0) {
    dup2(connection, STDIN_FILENO);
    dup2(connection, STDOUT_FILENO);
  }
  execv(arguments[0], arguments);
  log_line(program, "%s: %s", arguments[0], strerror(errno));
  _exit(127);
}

/// Listening here and not in sshd has the machine ready before the first sshd is loaded, which
/// takes half a second on an emulated processor and then happens for the first connection anyway.
static int listen_for_ssh(void) {
  int one = 1, zero = 0;
  int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  bool has_ipv6 = fd >= 0;
  if (!has_ipv6)
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(ssh_port)};
  struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(ssh_port)};
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (has_ipv6)
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
  const void* address = has_ipv6 ? (const void*)&any6 : (const void*)&any4;
  if (bind(fd, address, has_ipv6 ? sizeof any6 : sizeof any4) != 0 || listen(fd, 128) != 0)
    log_line(program, "listen on port %d: %s", ssh_port, strerror(errno));
  return fd;
}

/// A guest without a network card is reached through its hypervisor's virtual socket. Where there
/// is none, the address family is not even asked for: the kernel would look for its modules.
static int listen_on_vsock(void) {
  if (access("/sys/module/vmw_vsock_virtio_transport", F_OK) != 0)
    return -1;
  int fd = socket(family_vsock, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  struct vsock_address any = {.family = family_vsock, .port = ssh_port, .cid = UINT32_MAX};
  if (fd >= 0 && bind(fd, (const void*)&any, sizeof any) == 0 && listen(fd, 128) == 0)
    return fd;
  log_line(program, "listen on vsock port %d: %s", ssh_port, strerror(errno));
  close(fd);
  return -1;
}

static void accept_login(struct machine* machine, int listener) {
  static char* const sshd[] = {"/usr/sbin/sshd", "-i", "-e", NULL};
  int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (connection < 0)
    return;
  int slot = 0;
  while (slot < max_logins && machine->logins[slot] != 0)
    ++slot;
  if (slot < max_logins) {
    pid_t child = start(sshd, connection);
    machine->logins[slot] = child > 0 ? child : 0;
  }
  close(connection);
}

static void start_agent(struct machine* machine) {
  static char* const agent[] = {"/usr/lib/banger/banger-agent", NULL};
  machine->agent = start(agent, -1);
  machine->agent_is_due = false;
}

static void open_buttons(struct machine* machine) {
  for (int i = 0; i < max_buttons; ++i) {
    char path[32];
    snprintf(path, sizeof path, "/dev/input/event%d", i);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0)
      machine->buttons[machine->button_count++] = fd;
  }
}

static bool power_button_pressed(int fd) {
  struct input_event event;
  bool pressed = false;
  while (read(fd, &event, sizeof event) == (ssize_t)sizeof event)
    pressed = pressed || (event.type == key_event && event.code == key_power && event.value == 1);
  return pressed;
}

/// Waits until no process is left or `milliseconds` are over. We are PID 1, so every orphan is our
/// child: no children means no processes.
static bool wait_for_all(int milliseconds) {
  sigset_t child_ended;
  sigemptyset(&child_ended);
  sigaddset(&child_ended, SIGCHLD);
  double deadline = uptime_seconds() + milliseconds / 1000.0;
  for (;;) {
    pid_t child = waitpid(-1, NULL, WNOHANG);
    if (child < 0 && errno == ECHILD)
      return true;
    if (child > 0)
      continue;
    double left = deadline - uptime_seconds();
    if (left <= 0)
      return false;
    struct timespec wait = {.tv_sec = (time_t)left,
                            .tv_nsec = (long)((left - (double)(time_t)left) * 1e9)};
    sigtimedwait(&child_ended, NULL, &wait);
  }
}

static _Noreturn void shut_down(int how) {
  log_line(program, how == RB_AUTOBOOT ? "restarting" : "powering off");
  // SIGHUP is for interactive shells, which ignore SIGTERM; SIGCONT for what is stopped.
  kill(-1, SIGTERM);
  kill(-1, SIGHUP);
  kill(-1, SIGCONT);
  if (!wait_for_all(2000)) {
    kill(-1, SIGKILL);
    wait_for_all(1000);
  }
  sync();
  if (umount2("/root", 0) != 0 && errno != EINVAL)
    log_line(program, "unmount /root: %s", strerror(errno));
  mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL);
  sync();
  reboot(how);
  for (;;)
    pause();
}

static void reap(struct machine* machine) {
  for (pid_t child; (child = waitpid(-1, NULL, WNOHANG)) > 0;) {
    if (child == machine->agent) {
      machine->agent = 0;
      machine->agent_is_due = true;
    }
    for (int slot = 0; slot < max_logins; ++slot)
      if (machine->logins[slot] == child)
        machine->logins[slot] = 0;
  }
}

static void take_signals(struct machine* machine) {
  struct signalfd_siginfo info;
  while (read(machine->signals, &info, sizeof info) == (ssize_t)sizeof info) {
    if (info.ssi_signo == SIGCHLD)
      reap(machine);
    else if (info.ssi_signo == SIGINT)
      shut_down(RB_AUTOBOOT);
    else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGPWR || info.ssi_signo == SIGUSR1 ||
             info.ssi_signo == SIGUSR2)
      shut_down(RB_POWER_OFF);
  }
}

static _Noreturn void serve(struct machine* machine) {
  for (;;) {
    struct pollfd fds[first_button + max_buttons] = {
        {.fd = machine->signals, .events = POLLIN},
        {.fd = machine->listener, .events = POLLIN},
        {.fd = machine->vsock_listener, .events = POLLIN}};
    for (int i = 0; i < machine->button_count; ++i)
      fds[first_button + i] = (struct pollfd){.fd = machine->buttons[i], .events = POLLIN};
    int ready = poll(fds, (nfds_t)(first_button + machine->button_count),
                     machine->agent_is_due ? agent_pause_ms : -1);
    if (ready == 0 && machine->agent_is_due)
      start_agent(machine);
    if (ready <= 0)
      continue;
    take_signals(machine);
    if (fds[1].revents != 0)
      accept_login(machine, machine->listener);
    if (fds[2].revents != 0)
      accept_login(machine, machine->vsock_listener);
    for (int i = 0; i < machine->button_count; ++i)
      if (fds[first_button + i].revents != 0 && power_button_pressed(machine->buttons[i]))
        shut_down(RB_POWER_OFF);
  }
}

static _Noreturn void run_machine(void) {
  static struct machine machine;
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  reboot(RB_DISABLE_CAD); // Ctrl-Alt-Del comes as SIGINT, and the disks are synced first
  umask(022);
  setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
  unsetenv("TERM");
  struct rlimit files = {.rlim_cur = 1024, .rlim_max = 524288}; // as systemd sets it
  setrlimit(RLIMIT_NOFILE, &files);
  mount_system();
  set_up_identity();
  set_up_disks();
  machine.signals = signalfd(-1, &all, SFD_NONBLOCK | SFD_CLOEXEC);
  machine.listener = listen_for_ssh();
  machine.vsock_listener = listen_on_vsock();
  start_agent(&machine);
  open_buttons(&machine);
  serve(&machine);
}

/// poweroff, halt, reboot, shutdown [-r]: what PID 1 is asked for.
static int ask_init(const char* name, int count, char** arguments) {
  bool again = strcmp(name, "reboot") == 0;
  for (int i = 1; i < count; ++i)
    again = again || strcmp(arguments[i], "-r") == 0;
  if (kill(1, again ? SIGINT : SIGUSR2) == 0)
    return 0;
  log_line(name, "%s", strerror(errno));
  return 1;
}

int main(int count, char** arguments) {
  if (getpid() == 1)
    run_machine();
  const char* name = basename(arguments[0]);
  if (strcmp(name, program) != 0)
    return ask_init(name, count, arguments);
  if (count == 2 && strcmp(arguments[1], "setup") == 0) {
    set_up_identity();
    set_up_disks();
    return 0;
  }
  log_line(program, "usage: banger-init setup (or run as PID 1)");
  return 2;
}
