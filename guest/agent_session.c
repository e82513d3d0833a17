#define _GNU_SOURCE
#include "agent_session.h"

#include "agent_protocol.h"
#include "guest/session_frames.h"
#include "session_attach_process.h"
#include "session_handover.h"
#include "session_host.h"
#include "session_manage.h"
#include "session_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Requests other than attaches are short; these many may be under way beside them.
enum { brief_max = 2 * BANGER_MAX_SESSIONS };

/// Of everything but hosts: those are nobody's children.
struct process {
  pid_t pid; ///< 0: this place is free
  bool is_attach;
};

/// Hang up when attaches end that were handed over to hosts.
static int tokens = -1;

static struct process processes[BANGER_MAX_ATTACHES + brief_max];
static int attach_count, brief_count;

static struct process* find_process(pid_t pid) {
  for (struct process* at = processes; at < processes + BANGER_MAX_ATTACHES + brief_max; ++at)
    if (at->pid == pid)
      return at;
  return NULL;
}

static int* count_of(bool is_attach) {
  return is_attach ? &attach_count : &brief_count;
}

void agent_session_reaped(pid_t pid) {
  struct process* place = find_process(pid);
  if (place == NULL)
    return;
  place->pid = 0;
  --*count_of(place->is_attach);
}

void agent_session_open(void) {
  tokens = epoll_create1(EPOLL_CLOEXEC);
}

int agent_session_poll(struct pollfd* out) {
  out[0] = (struct pollfd){.fd = tokens, .events = POLLIN};
  return 1;
}

void agent_session_work(const struct pollfd* fds) {
  struct epoll_event events[16];
  if (fds[0].revents == 0)
    return;
  int count = epoll_wait(tokens, events, sizeof events / sizeof *events, 0);
  for (int i = 0; i < count; ++i) {
    close(events[i].data.fd);
    --attach_count;
  }
}

static void refuse(int connection, enum session_step step, int error) {
  unsigned char frame[256];
  struct session_failed failed = {
      .error = (uint32_t)error, .step = (uint8_t)step, .text = strerror(error)};
  size_t size = session_put_failed(frame, sizeof frame, &failed);
  (void)!send(connection, frame, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/// Keeps the connection and nothing else of what the agent has open.
/// @returns the connection's number
static int keep_only(int connection) {
  enum { kept = 3 };
  // Up first: its number may be one of the three that follow. And not onto itself by dup2, which
  // would leave its flags as they are.
  int fd = fcntl(connection, F_DUPFD_CLOEXEC, kept);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int standard = 0; standard <= 2; ++standard)
    dup2(null, standard);
  if (fd != kept)
    dup3(fd, kept, O_CLOEXEC);
  syscall(SYS_close_range, (unsigned)kept + 1, ~0U, 0U);
  return kept;
}

/// A host outlives the agent: by a second fork it is nobody's child, and init reaps it.
static _Noreturn void start_host(int connection, const unsigned char* payload, uint32_t size) {
  setsid();
  pid_t host = fork();
  if (host < 0)
    refuse(connection, session_step_spawn, errno);
  if (host == 0) {
    setsid();
    session_host_run(keep_only(connection), payload, size);
  }
  _exit(0);
}

static _Noreturn void serve(int connection, unsigned char type, const unsigned char* payload,
                            uint32_t size) {
  if (type == session_request_new)
    start_host(connection, payload, size);
  session_process_set_up(type == session_request_attach ? "banger-attach" : "banger-manage");
  connection = keep_only(connection);
  if (type == session_request_attach)
    session_attach_run(connection, payload, size);
  if (type == session_request_list)
    session_list_run(connection, payload, size);
  session_delete_run(connection, payload, size);
}

/// @returns false where nobody takes it
static bool hand_over(int connection, const unsigned char* payload, uint32_t size) {
  int token = session_hand_over(connection, payload, size);
  if (token < 0)
    return false;
  struct epoll_event hang_up = {.data = {.fd = token}};
  if (epoll_ctl(tokens, EPOLL_CTL_ADD, token, &hang_up) != 0)
    close(token);
  else
    ++attach_count;
  return true;
}

void agent_session_take(int connection, unsigned char type, const unsigned char* payload,
                        uint32_t size) {
  bool is_attach = type == session_request_attach;
  int* count = count_of(is_attach);
  if (*count >= (is_attach ? (int)BANGER_MAX_ATTACHES : (int)brief_max)) {
    refuse(connection, session_step_limit, EAGAIN);
    return;
  }
  if (is_attach && hand_over(connection, payload, size))
    return;
  pid_t pid = fork();
  if (pid == 0)
    serve(connection, type, payload, size);
  if (pid < 0) {
    refuse(connection, session_step_spawn, errno);
    return;
  }
  *find_process(0) = (struct process){.pid = pid, .is_attach = is_attach};
  ++*count;
}
