// One process a port-forward. Connections go to 127.0.0.1 first, so what listens on the guest's
// loopback alone is reached, too.
#define _GNU_SOURCE
#include "agent_forward.h"

#include "guest/forward_mux.h"
#include "guest/port_list.h"
#include "io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static const char program[] = "banger-agent";

enum { watch_ms = 500 }; ///< the kernel tells nobody that something begins to listen

// -- where a port is
// ------------------------------------------------------------------------------------------

static bool is_loopback_or_any(const struct port_entry* entry) {
  static const unsigned char none[16], loopback6[16] = {[15] = 1}, loopback4[4] = {127, 0, 0, 1};
  size_t size = entry->is_ipv6 ? 16 : 4;
  return memcmp(entry->address, none, size) == 0 ||
         memcmp(entry->address, entry->is_ipv6 ? loopback6 : loopback4, size) == 0;
}

/// The nth address of its own that something listens on at this port.
static bool find_address(uint16_t port, int nth, struct port_entry* out) {
  struct port_entry* entries = NULL;
  int count = port_list_read(false, &entries);
  bool is_found = false;
  for (int i = 0; i < count && !is_found; ++i)
    if (entries[i].port == port && !is_loopback_or_any(&entries[i]) && nth-- == 0) {
      *out = entries[i];
      is_found = true;
    }
  free(entries);
  return is_found;
}

/// @returns a socket that connects; -1 with errno
static int dial_address(const struct port_entry* where) {
  struct sockaddr_in ip4 = {.sin_family = AF_INET, .sin_port = htons(where->port)};
  struct sockaddr_in6 ip6 = {.sin6_family = AF_INET6, .sin6_port = htons(where->port)};
  memcpy(&ip4.sin_addr, where->address, sizeof ip4.sin_addr);
  memcpy(&ip6.sin6_addr, where->address, sizeof ip6.sin6_addr);
  int fd =
      socket(where->is_ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int done = fd < 0           ? -1
             : where->is_ipv6 ? connect(fd, (struct sockaddr*)&ip6, sizeof ip6)
                              : connect(fd, (struct sockaddr*)&ip4, sizeof ip4);
  if (fd >= 0 && done != 0 && errno != EINPROGRESS) {
    int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  return fd;
}

/// forward_calls.dial: 127.0.0.1, ::1, and then what address it listens on.
static int dial(void* owner, uint16_t port, int* attempt) {
  (void)owner;
  for (;;) {
    struct port_entry where = {.port = port, .address = {127, 0, 0, 1}};
    int which = (*attempt)++;
    if (which == 1)
      where = (struct port_entry){.port = port, .is_ipv6 = true, .address = {[15] = 1}};
    if (which > 1 && !find_address(port, which - 2, &where)) {
      errno = ECONNREFUSED;
      return -1;
    }
    int fd = dial_address(&where);
    if (fd >= 0 || errno == EMFILE || errno == ENFILE)
      return fd;
  }
}

// -- what listens
// ------------------------------------------------------------------------------------------

struct port_set {
  unsigned char bits[65536 / 8];
};

static bool has(const struct port_set* set, unsigned port) {
  return (set->bits[port / 8] >> port % 8 & 1) != 0;
}

static void change(struct port_set* set, unsigned port, bool is_in) {
  unsigned char bit = (unsigned char)(1U << port % 8);
  set->bits[port / 8] =
      (unsigned char)(is_in ? set->bits[port / 8] | bit : set->bits[port / 8] & ~bit);
}

static bool tell(struct forward_mux* mux, uint8_t type, unsigned port, const char* name) {
  unsigned char payload[2 + sizeof((struct port_entry*)0)->process] = {(unsigned char)(port >> 8),
                                                                       (unsigned char)port};
  size_t length = strlen(name);
  memcpy(payload + 2, name, length);
  return forward_put(mux, type, payload, (uint32_t)(2 + length));
}

/// Tells what changed since it was last told. What there is no room for is told the next time.
static void watch(struct forward_mux* mux, struct port_set* told) {
  static struct port_set now;
  struct port_entry* entries = NULL;
  int count = port_list_read(false, &entries), fresh = 0;
  if (count < 0)
    return;
  memset(&now, 0, sizeof now);
  for (int i = 0; i < count; ++i) {
    change(&now, entries[i].port, true);
    fresh += !has(told, entries[i].port);
  }
  if (fresh > 0)
    port_list_name(entries, count);
  for (int i = 0; i < count; ++i)
    if (!has(told, entries[i].port) &&
        tell(mux, port_listening, entries[i].port, entries[i].process))
      change(told, entries[i].port, true);
  free(entries);
  if (memcmp(told, &now, sizeof now) == 0)
    return;
  for (unsigned port = 1; port < 65536; ++port)
    if (has(told, port) && !has(&now, port) && tell(mux, port_gone, port, ""))
      change(told, port, false);
}

// -- the whole
// ------------------------------------------------------------------------------------------

/// @returns false at the end of the input, or where it is malformed
static bool read_input(struct forward_mux* mux) {
  static unsigned char bytes[2 * PORT_DATA_MAX];
  ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
  if (n < 0 && (errno == EINTR || errno == EAGAIN))
    return true;
  if (n <= 0)
    return false;
  if (forward_feed(mux, bytes, (size_t)n))
    return true;
  log_line(program, "forward: what came is no frame");
  return false;
}

static bool write_output(struct forward_mux* mux) {
  const unsigned char* bytes = NULL;
  for (size_t size; (size = forward_output(mux, &bytes)) > 0;) {
    ssize_t n = write(STDOUT_FILENO, bytes, size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errno == EAGAIN;
    forward_sent(mux, (size_t)n);
  }
  return true;
}

static void serve(struct forward_mux* mux, bool watches) {
  static struct pollfd fds[2 + FORWARD_STREAMS_MAX];
  static struct port_set told;
  double next_watch = 0;
  for (bool goes_on = true; goes_on;) {
    double now = uptime_seconds();
    if (watches && now >= next_watch) {
      watch(mux, &told);
      next_watch = now + watch_ms / 1000.0;
    }
    int count = forward_poll(mux, fds + 2);
    if (!write_output(mux))
      return;
    const unsigned char* waiting = NULL;
    bool has_output = forward_output(mux, &waiting) > 0;
    fds[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = has_output ? STDOUT_FILENO : -1, .events = POLLOUT};
    if (poll(fds, (nfds_t)(2 + count), watches ? watch_ms : -1) < 0)
      continue;
    forward_work(mux, fds + 2, count);
    goes_on = fds[0].revents == 0 || read_input(mux);
  }
}

/// A socket and a pipe are ours alone; a file that is both ends does not wait.
static void make_nonblocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags >= 0)
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int agent_forward(bool watches) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  signal(SIGPIPE, SIG_IGN);
  make_nonblocking(STDIN_FILENO);
  make_nonblocking(STDOUT_FILENO);
  struct forward_mux* mux = forward_new((struct forward_calls){.dial = dial});
  if (mux == NULL) {
    log_line(program, "forward: %s", strerror(errno));
    return 1;
  }
  static const unsigned char nobody[PORT_NONCE_SIZE];
  unsigned char version[2 + PORT_NONCE_SIZE];
  port_put_nonce(version, nobody);
  forward_put(mux, port_ready, version, sizeof version);
  serve(mux, watches);
  forward_free(mux);
  return 0;
}
