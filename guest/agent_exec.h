// The exec server: collects the connections of a command and starts it with them.
// agent_protocol.h has the frames.
#ifndef BANGER_GUEST_AGENT_EXEC_H
#define BANGER_GUEST_AGENT_EXEC_H

#include "agent_protocol.h"

#include <stdbool.h>

struct pollfd;

enum { exec_poll_max = 1 + BANGER_MAX_CONNECTIONS }; ///< entries that exec_poll fills at most

/// Listens on `path` (mode 0600), replacing a socket that is there. @returns false with errno set.
bool exec_listen(const char* path);

/// Fills `out` for poll(2). @returns how many entries it used; the first is always the listener.
int exec_poll(struct pollfd* out);

/// Milliseconds until the next deadline, or -1.
int exec_timeout(void);

/// Does what is due; `fds` and `count` are what exec_poll filled.
void exec_work(const struct pollfd* fds, int count);

/// Drops what waits, and removes the socket.
void exec_close(void);

#endif
