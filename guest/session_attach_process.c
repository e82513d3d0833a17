#define _GNU_SOURCE
#include "session_attach_process.h"

#include "session_attaches.h"
#include "session_folder.h"
#include "session_handover.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { retry_ms = 5 };

static int open_folder(int connection, const char* asked) {
  char id[SESSION_ID_SIZE + 1] = "";
  memcpy(id, asked, SESSION_ID_SIZE);
  int folder = session_open_folder(id);
  if (folder >= 0)
    return folder;
  attach_refuse(connection, session_step_folder, errno);
  _exit(0);
}

/// A host that was just coming into being, or is just ending: it takes the connection, or is gone
/// the next time. This process stays as long as the attach does, as the agent counts it.
static void try_host(int connection, const unsigned char* payload, size_t size) {
  int token = session_hand_over(connection, payload, size);
  if (token < 0) {
    poll(NULL, 0, retry_ms);
    return;
  }
  close(connection);
  struct pollfd end = {.fd = token};
  while (poll(&end, 1, -1) < 0)
    ;
  _exit(0);
}

_Noreturn void session_attach_run(int connection, const unsigned char* payload, size_t size) {
  static struct session_state state;
  static struct journal journal;
  static struct attach_session session = {.journal = &journal, .state = &state, .is_over = true};
  struct session_attach request;
  if (!session_take_attach(payload, size, &request))
    _exit(1);
  int folder = -1;
  for (;;) {
    folder = open_folder(connection, request.id);
    session_state_load(folder, &state);
    if (state.phase >= session_phase_exited)
      break;
    close(folder);
    try_host(connection, payload, size);
  }
  journal_survey(&journal, openat(folder, "journal", O_RDONLY | O_CLOEXEC));
  attach_set_session(&session);
  attaches_add(connection, -1, &request);
  attaches_finish();
  _exit(0);
}
