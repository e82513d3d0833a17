// What the agent does for sessions: it hands an attach over to the session's host, or starts a
// process for a request, and is done with it.
#ifndef BANGER_GUEST_AGENT_SESSION_H
#define BANGER_GUEST_AGENT_SESSION_H

#include <stdint.h>
#include <sys/types.h>

struct pollfd;

/// Call before anything else.
void agent_session_open(void);

/// Takes a first frame of session_frames.h. All stays the caller's, to be closed right after this
/// call: who serves it has its own.
void agent_session_take(int connection, unsigned char type, const unsigned char* payload,
                        uint32_t size);

/// Call for each process that waitpid(2) tells of; others than of sessions are left alone.
void agent_session_reaped(pid_t pid);

/// Of attaches that end.
int agent_session_poll(struct pollfd* out);
void agent_session_work(const struct pollfd* fds);

#endif
