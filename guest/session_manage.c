#define _GNU_SOURCE
#include "session_manage.h"

#include "io.h"
#include "session_folder.h"
#include "session_state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  reply_seconds = 10,  ///< until a connection that takes nothing is given up
  host_stop_ms = 3000, ///< until a host that does not stop is killed
};

/// Replies may wait for the other end, but not for ever.
static void make_patient(int connection) {
  fcntl(connection, F_SETFL, O_RDWR);
  struct timeval patience = {.tv_sec = reply_seconds};
  setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

static void list_one(const char* id, void* connection) {
  unsigned char frame[SESSION_FRAME_HEADER_SIZE + SESSION_ID_SIZE + session_state_text_max];
  char text[session_state_text_max];
  struct session_state state;
  int folder = session_open_folder(id);
  if (folder < 0)
    return; // deleted just now
  session_state_load(folder, &state);
  close(folder);
  session_state_format(&state, text, sizeof text);
  size_t size = session_put_listed(frame, sizeof frame, id, text);
  if (!write_all(*(int*)connection, frame, size))
    _exit(1);
}

_Noreturn void session_list_run(int connection, const unsigned char* payload, size_t size) {
  make_patient(connection);
  if (!session_take_list(payload, size))
    _exit(1);
  session_each_folder(list_one, &connection);
  unsigned char frame[SESSION_FRAME_HEADER_SIZE];
  write_all(connection, frame,
            session_put_bytes(frame, sizeof frame, session_reply_listed, NULL, 0));
  _exit(0);
}

static bool is_host_gone(const struct session_state* state, int wait_ms) {
  double deadline = uptime_seconds() + wait_ms / 1000.0;
  while (session_host_is_alive(state)) {
    if (uptime_seconds() > deadline)
      return false;
    poll(NULL, 0, 1);
  }
  return true;
}

/// A host stays beyond the end of its command while others hold the output open.
static void stop_host(const char* id, const struct session_state* state) {
  if (!session_host_is_alive(state))
    return;
  unsigned char frame[SESSION_FRAME_HEADER_SIZE];
  size_t size = session_put_bytes(frame, sizeof frame, session_request_delete, NULL, 0);
  int fd = session_connect(id);
  if (fd >= 0)
    (void)!send(fd, frame, size, MSG_NOSIGNAL);
  if (!is_host_gone(state, host_stop_ms)) {
    kill(state->host_pid, SIGKILL);
    is_host_gone(state, host_stop_ms);
  }
  if (fd >= 0)
    close(fd);
}

static _Noreturn void refuse(int connection, int error, const char* text) {
  unsigned char frame[256];
  struct session_failed failed = {
      .error = (uint32_t)error, .step = session_step_folder, .text = text};
  write_all(connection, frame, session_put_failed(frame, sizeof frame, &failed));
  _exit(1);
}

_Noreturn void session_delete_run(int connection, const unsigned char* payload, size_t size) {
  const char* asked;
  char id[SESSION_ID_SIZE + 1] = "";
  make_patient(connection);
  if (!session_take_delete(payload, size, &asked))
    _exit(1);
  memcpy(id, asked, SESSION_ID_SIZE);
  int folder = session_open_folder(id);
  if (folder >= 0) {
    struct session_state state;
    session_state_load(folder, &state);
    close(folder);
    if (state.phase == session_phase_starting || state.phase == session_phase_running)
      refuse(connection, EBUSY, "the session is running");
    stop_host(id, &state);
  }
  if (!session_remove_folder(id))
    refuse(connection, errno, strerror(errno));
  unsigned char frame[SESSION_FRAME_HEADER_SIZE];
  write_all(connection, frame,
            session_put_bytes(frame, sizeof frame, session_reply_deleted, NULL, 0));
  _exit(0);
}
