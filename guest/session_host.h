// The host of a session: a process that starts its command, journals what that writes, and gives it
// those who are attached bring, and whom it serves. It needs neither the agent nor a connection.
#ifndef BANGER_GUEST_SESSION_HOST_H
#define BANGER_GUEST_SESSION_HOST_H

#include "guest/session_frames.h"
#include "session_journal.h"
#include "session_state.h"

/// A session that runs.
struct session {
  char id[SESSION_ID_SIZE + 1];
  int folder, listener;
  struct session_state state;
  struct journal journal;
  int sources[2]; ///< standard output, or the terminal; standard error. -1 once at its end
  int input;      ///< -1: closed; the terminal where there is one
  bool is_terminal;
};

/// Starts the session that an 'N' frame asks for, and answers on `connection`. In a process of its
/// own, which has nothing else open.
_Noreturn void session_host_run(int connection, const unsigned char* payload, size_t size);

/// Ends a host whose session is over: no attach that was handed over to it goes without an answer.
_Noreturn void session_host_end(struct session* session, int status);

/// Serves a session from its start to its end. Call with all signals blocked.
_Noreturn void session_host_serve(struct session* session, int signals);

#endif
