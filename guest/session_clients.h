// The connections to a session's host: each brings one packet, which is an attach that is handed
// over, or says that the session is deleted.
#ifndef BANGER_GUEST_SESSION_CLIENTS_H
#define BANGER_GUEST_SESSION_CLIENTS_H

#include "agent_protocol.h"

struct pollfd;

/// That have not said anything yet.
enum {
  session_clients_max = 2 * BANGER_MAX_ATTACHES,
  session_clients_poll_max = 1 + session_clients_max,
};

/// @param stop  called when the session is deleted
void session_clients_open(int listener, void (*stop)(void));
int session_clients_poll(struct pollfd* out);
void session_clients_work(const struct pollfd* fds, int count);

/// Takes in all that were handed over, and has every later one fail: who hands over finds out, or
/// the attach is taken.
/// @param error  0: they become attaches; else they are refused with that
void session_clients_close(int listener, int error);

#endif
