#define _GNU_SOURCE
#include "agent_control.h"

#include "agent_protocol.h"
#include "io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  line_max = 512,
  output_max = 2048,
  ready_poll_ms = 20,
  ready_slow_poll_ms = 250,
  ready_fast_polls = 3000, ///< one minute
};

static struct {
  int fd;
  bool is_away;     ///< the host end is closed: poll(2) would report POLLHUP without end
  bool is_ready;    ///< sshd accepts connections
  bool wants_ready; ///< READY is owed to the host
  int ready_polls;
  char line[line_max];
  size_t line_size;
  bool line_is_too_long;
  char output[output_max];
  size_t output_size;
} port = {.fd = -1};

/// The number in /dev/vportNpM depends on the order of devices; only the name is ours.
int control_open_port(const char* wanted) {
  DIR* ports = opendir("/sys/class/virtio-ports");
  int fd = -1;
  errno = ENOENT;
  for (struct dirent* entry = NULL; ports != NULL && fd < 0 && (entry = readdir(ports)) != NULL;) {
    char path[320], name[64];
    snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", entry->d_name);
    if (entry->d_name[0] == '.' || read_text(path, name, sizeof name) <= 0)
      continue;
    name[strcspn(name, "\n")] = '\0';
    snprintf(path, sizeof path, "/dev/%s", entry->d_name);
    if (strcmp(name, wanted) == 0)
      fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  }
  if (ports != NULL)
    closedir(ports);
  return fd;
}

/// struct sockaddr_vm of linux/vm_sockets.h, which musl does not come with.
struct vsock_address {
  unsigned short family, reserved;
  unsigned port, cid;
  unsigned char flags, zero[3];
};

/// The host's end of the hypervisor's virtual socket, where there is one: Firecracker has no virtio
/// ports. Another address family is not even asked for: the kernel would look for its modules.
static int connect_to_host(void) {
  enum { family_vsock = 40, host_cid = 2 };
  if (access("/sys/module/vmw_vsock_virtio_transport", F_OK) != 0)
    return -1;
  int fd = socket(family_vsock, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct vsock_address host = {
      .family = family_vsock, .port = BANGER_CONTROL_VSOCK_PORT, .cid = host_cid};
  if (fd >= 0 && connect(fd, (const void*)&host, sizeof host) == 0)
    return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

bool control_open(void) {
  port.fd = control_open_port(BANGER_CONTROL_PORT);
  if (port.fd < 0)
    port.fd = connect_to_host();
  if (port.fd < 0)
    return false;
  port.wants_ready = true;
  // Two calls: FASYNC is registered for the owner that is set.
  fcntl(port.fd, F_SETOWN, getpid());
  fcntl(port.fd, F_SETFL, O_NONBLOCK | O_ASYNC);
  return true;
}

static void send_line(const char* text) {
  size_t length = strlen(text);
  if (port.output_size + length + 1 > sizeof port.output)
    return; // a host that asks without reading loses answers, not our memory
  memcpy(port.output + port.output_size, text, length);
  port.output[port.output_size + length] = '\n';
  port.output_size += length + 1;
}

/// After a host reconnects, writes fail with EAGAIN until the guest's driver has seen it: what is
/// left goes when poll(2) says POLLOUT.
static void flush_output(void) {
  while (port.output_size > 0) {
    ssize_t n = write(port.fd, port.output, port.output_size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return;
    memmove(port.output, port.output + n, port.output_size - (size_t)n);
    port.output_size -= (size_t)n;
  }
}

/// Looks for a listener on port 22 without connecting to it: a connection would start an sshd.
static bool ssh_is_listening(void) {
  static const char* const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
  static char text[16384];
  for (int i = 0; i < 2; ++i) {
    read_text(tables[i], text, sizeof text);
    // "  0: LOCAL:PORT REMOTE:PORT STATE": in hexadecimal; 0016 is 22, and state 0A is LISTEN.
    for (char* line = strchr(text, '\n'); line != NULL; line = strchr(line + 1, '\n')) {
      char local[48], remote[48], state[8];
      if (sscanf(line, " %*d: %47s %47s %7s", local, remote, state) != 3)
        continue;
      const char* number = strrchr(local, ':');
      if (number != NULL && strcmp(number, ":0016") == 0 && strcmp(state, "0A") == 0)
        return true;
    }
  }
  return false;
}

/// systemd takes real-time signals for what `systemctl poweroff` asks by D-Bus, which a small image
/// lacks. 34 is the SIGRTMIN of its C library. Source: systemd(1), "SIGNALS".
static void ask_init(bool again) {
  bool is_systemd = access("/run/systemd/system", F_OK) == 0;
  if (is_systemd)
    kill(1, 34 + (again ? 5 : 4));
  else
    kill(1, again ? SIGINT : SIGUSR2);
}

static bool set_clock(const char* text) {
  char* end = NULL;
  double wanted = strtod(text, &end);
  if (end == text || *end != '\0' || !(wanted >= 1e9 && wanted < 1e11))
    return false;
  struct timespec time = {.tv_sec = (time_t)wanted};
  time.tv_nsec = (long)((wanted - (double)time.tv_sec) * 1e9);
  return clock_settime(CLOCK_REALTIME, &time) == 0;
}

/// The field of /proc/meminfo in KiB, or -1. Source: proc(5).
static long long memory_field(const char* text, const char* name) {
  const char* at = strstr(text, name);
  long long kib = -1;
  if (at == NULL || sscanf(at + strlen(name), "%lld", &kib) != 1)
    return -1;
  return kib;
}

static void report_memory(void) {
  char text[4096], line[64];
  if (read_text("/proc/meminfo", text, sizeof text) <= 0) {
    send_line("error cannot read the memory");
    return;
  }
  snprintf(line, sizeof line, "memory %lld %lld", memory_field(text, "MemTotal:"),
           memory_field(text, "MemAvailable:"));
  send_line(line);
}

static void answer(const char* line) {
  bool again = strcmp(line, "reboot") == 0;
  if (strcmp(line, "ping") == 0) {
    send_line("pong");
  } else if (strcmp(line, "ready") == 0) {
    port.wants_ready = true;
  } else if (again || strcmp(line, "poweroff") == 0) {
    send_line("bye");
    flush_output();
    ask_init(again);
  } else if (strcmp(line, "memory") == 0) {
    report_memory();
  } else if (strncmp(line, "time ", 5) == 0) {
    send_line(set_clock(line + 5) ? "ok" : "error cannot set the clock");
  } else {
    send_line("error unknown request");
  }
}

static void take_bytes(const char* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    if (bytes[i] != '\n') {
      port.line_is_too_long = port.line_is_too_long || port.line_size + 1 >= sizeof port.line;
      if (!port.line_is_too_long)
        port.line[port.line_size++] = bytes[i];
      continue;
    }
    port.line[port.line_size] = '\0';
    if (port.line_is_too_long)
      send_line("error line too long");
    else
      answer(port.line);
    port.line_size = 0;
    port.line_is_too_long = false;
  }
}

static void read_input(void) {
  char bytes[1024];
  for (;;) {
    ssize_t n = read(port.fd, bytes, sizeof bytes);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return; // EAGAIN: nothing more; 0: the host is away
    take_bytes(bytes, (size_t)n);
  }
}

static void report_ready(void) {
  if (!port.is_ready) {
    port.is_ready = ssh_is_listening();
    ++port.ready_polls;
  }
  if (!port.is_ready || !port.wants_ready)
    return;
  char text[64];
  snprintf(text, sizeof text, "READY %d %.3f", BANGER_AGENT_VERSION, uptime_seconds());
  send_line(text);
  port.wants_ready = false;
}

int control_poll(struct pollfd* out) {
  if (port.fd < 0 || port.is_away)
    return 0;
  *out = (struct pollfd){.fd = port.fd, .events = POLLIN};
  if (port.output_size > 0)
    out->events |= POLLOUT;
  return 1;
}

int control_timeout(void) {
  if (port.fd < 0 || port.is_ready)
    return -1;
  return port.ready_polls < ready_fast_polls ? ready_poll_ms : ready_slow_poll_ms;
}

void control_work(short revents) {
  if (port.fd < 0)
    return;
  if ((revents & (POLLIN | POLLHUP)) != 0) {
    read_input();
    if ((revents & POLLHUP) != 0) {
      // What the host that left did not finish is not the next one's.
      port.is_away = true;
      port.line_size = 0;
      port.line_is_too_long = false;
    }
  }
  report_ready();
  flush_output();
}

void control_woken(void) {
  port.is_away = false;
}
