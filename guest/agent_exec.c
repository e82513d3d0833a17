#define _GNU_SOURCE
#include "agent_exec.h"

#include "agent_command.h"
#include "agent_protocol.h"
#include "agent_session.h"
#include "agent_spawn.h"
#include "guest/session_frames.h"
#include "guest/wire.h"
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum phase {
  phase_free = 0,
  phase_header,  ///< the first frame's five bytes are coming
  phase_payload, ///< the first frame's payload is coming
  phase_parked,  ///< waits for the other connections of its token
};

/// A socket from accept(2) until its command starts, or its deadline.
struct connection {
  enum phase phase;
  int fd;
  unsigned char type;
  unsigned char header[BANGER_FRAME_HEADER_SIZE];
  unsigned char* payload; ///< starts with the token
  uint32_t size;          ///< of the payload
  uint32_t have;          ///< bytes of the header, then of the payload
  double deadline;
  struct exec_request request; ///< of a parked 'X'; points into the payload
};

static int listener = -1;
static struct stat listener_file; ///< what we have bound; the name may be another agent's by now
static char listener_path[sizeof((struct sockaddr_un*)0)->sun_path];
static struct connection connections[BANGER_MAX_CONNECTIONS];

static void drop(struct connection* connection) {
  if (connection->phase == phase_free)
    return;
  close(connection->fd);
  exec_request_free(&connection->request);
  free(connection->payload);
  memset(connection, 0, sizeof *connection);
}

static struct connection* find_parked(unsigned char type, const unsigned char* token) {
  for (int i = 0; i < BANGER_MAX_CONNECTIONS; ++i) {
    struct connection* at = &connections[i];
    if (at->phase == phase_parked && at->type == type &&
        memcmp(at->payload, token, BANGER_TOKEN_SIZE) == 0)
      return at;
  }
  return NULL;
}

/// Starts the command of a token if all of its connections are there.
static void start_if_complete(const unsigned char* token) {
  struct connection* control = find_parked(BANGER_FRAME_EXEC, token);
  struct connection* stdio = find_parked(BANGER_FRAME_STDIO, token);
  if (control == NULL || stdio == NULL)
    return;
  bool merged = (control->request.flags & BANGER_EXEC_MERGE_STDERR) != 0;
  struct connection* error_output = merged ? stdio : find_parked(BANGER_FRAME_STDERR, token);
  if (error_output == NULL)
    return;
  command_start(control->fd, control->payload, control->request, stdio->fd, error_output->fd);
  memset(control, 0, sizeof *control); // all of it is the command's now
  // Ours are closed, so that the end of the command's output is the end that the host sees.
  drop(stdio);
  if (!merged)
    drop(error_output);
}

static void take_first_frame(struct connection* connection) {
  if (session_request_limit(connection->type) != UINT32_MAX) {
    agent_session_take(connection->fd, connection->type, connection->payload, connection->size);
    drop(connection);
    return;
  }
  if (connection->type == BANGER_FRAME_EXEC &&
      !exec_request_parse(connection->payload, connection->size, &connection->request)) {
    drop(connection);
    return;
  }
  if (find_parked(connection->type, connection->payload) != NULL) {
    drop(connection); // a token is used once
    return;
  }
  connection->phase = phase_parked;
  connection->deadline = uptime_seconds() + BANGER_MATCH_SECONDS;
  start_if_complete(connection->payload);
}

static bool accepts_first(unsigned char type, uint32_t size) {
  if (type == BANGER_FRAME_STDIO || type == BANGER_FRAME_STDERR)
    return size == BANGER_TOKEN_SIZE;
  if (type == BANGER_FRAME_EXEC)
    return size > BANGER_TOKEN_SIZE && size <= BANGER_FRAME_MAX;
  uint32_t limit = session_request_limit(type);
  return limit != UINT32_MAX && size > 0 && size <= limit;
}

/// Reads up to `size` bytes in all and never one more: what follows may be the command's.
/// @returns false where the connection is over
static bool read_some(struct connection* connection, unsigned char* into, uint32_t size) {
  ssize_t n = recv(connection->fd, into + connection->have, size - connection->have, MSG_DONTWAIT);
  if (n > 0)
    connection->have += (uint32_t)n;
  return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void read_header(struct connection* connection) {
  if (!read_some(connection, connection->header, BANGER_FRAME_HEADER_SIZE)) {
    drop(connection);
    return;
  }
  if (connection->have < BANGER_FRAME_HEADER_SIZE)
    return;
  const unsigned char* at = connection->header;
  connection->type = at[0];
  connection->size = wire_load_u32(at + 1);
  connection->have = 0;
  if (accepts_first(connection->type, connection->size))
    connection->payload = malloc(connection->size);
  if (connection->payload == NULL)
    drop(connection);
  else
    connection->phase = phase_payload;
}

static void read_first_frame(struct connection* connection) {
  if (connection->phase == phase_header)
    read_header(connection);
  if (connection->phase != phase_payload)
    return;
  if (!read_some(connection, connection->payload, connection->size))
    drop(connection);
  else if (connection->have == connection->size)
    take_first_frame(connection);
}

static void accept_connections(void) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
      return;
    struct connection* free_place = connections;
    while (free_place < connections + BANGER_MAX_CONNECTIONS && free_place->phase != phase_free)
      ++free_place;
    if (free_place == connections + BANGER_MAX_CONNECTIONS) {
      close(fd);
      continue;
    }
    free_place->fd = fd;
    free_place->phase = phase_header;
    free_place->deadline = uptime_seconds() + BANGER_MATCH_SECONDS;
    read_first_frame(free_place); // most clients have written it by now
  }
}

bool exec_listen(const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return false;
  }
  strcpy(address.sun_path, path);
  strcpy(listener_path, path);
  unlink(path);
  listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0)
    return false;
  mode_t old = umask(0177);
  bool bound = bind(listener, (struct sockaddr*)&address, sizeof address) == 0;
  umask(old);
  return bound && stat(path, &listener_file) == 0 && listen(listener, BANGER_MAX_CONNECTIONS) == 0;
}

int exec_poll(struct pollfd* out) {
  int count = 0;
  out[count++] = (struct pollfd){.fd = listener, .events = POLLIN};
  for (int i = 0; i < BANGER_MAX_CONNECTIONS; ++i)
    if (connections[i].phase == phase_header || connections[i].phase == phase_payload)
      out[count++] = (struct pollfd){.fd = connections[i].fd, .events = POLLIN};
  return count;
}

int exec_timeout(void) {
  double now = uptime_seconds(), next = -1;
  for (int i = 0; i < BANGER_MAX_CONNECTIONS; ++i)
    if (connections[i].phase != phase_free && (next < 0 || connections[i].deadline < next))
      next = connections[i].deadline;
  if (next < 0)
    return -1;
  return next > now ? (int)((next - now) * 1000) + 1 : 0;
}

void exec_work(const struct pollfd* fds, int count) {
  // Before accepting: a new connection could take the number of one that is dropped here.
  for (int i = 1; i < count; ++i)
    for (int k = 0; fds[i].revents != 0 && k < BANGER_MAX_CONNECTIONS; ++k)
      if (connections[k].phase != phase_free && connections[k].fd == fds[i].fd) {
        read_first_frame(&connections[k]);
        break;
      }
  double now = uptime_seconds();
  for (int i = 0; i < BANGER_MAX_CONNECTIONS; ++i)
    if (connections[i].phase != phase_free && now >= connections[i].deadline)
      drop(&connections[i]);
  if (fds[0].revents != 0)
    accept_connections();
}

void exec_close(void) {
  for (int i = 0; i < BANGER_MAX_CONNECTIONS; ++i)
    drop(&connections[i]);
  close(listener);
  struct stat now;
  if (stat(listener_path, &now) == 0 && now.st_ino == listener_file.st_ino)
    unlink(listener_path);
}
