// All attaches of a process, each with a bounded share of its turns: one that is slow, or far
// behind, holds up no other.
#ifndef BANGER_GUEST_SESSION_ATTACHES_H
#define BANGER_GUEST_SESSION_ATTACHES_H

#include "agent_protocol.h"
#include "session_attach.h"

struct pollfd;

enum { attaches_poll_max = BANGER_MAX_ATTACHES };

/// Takes over `connection` and `token`. Where there is no place the connection is told so.
void attaches_add(int connection, int token, const struct session_attach* request);

/// @returns how many there are
int attaches_count(void);

/// Output was recorded at `position`.
void attaches_output(uint64_t position, const struct journal_record* record,
                     const unsigned char* bytes);

/// The journal has more in it than output, or the session is over: each is to look.
void attaches_look(void);

int attaches_poll(struct pollfd* out);

/// @returns ms until attaches_work has to be called, also where nothing happens; -1: no need
int attaches_timeout(void);

/// Events first, then a turn for some of those that have something to send.
void attaches_work(const struct pollfd* fds, int count);

/// Serves those there are to their end.
void attaches_finish(void);

#endif
