// What the agent does for sessions: it starts a process for each request, and is done with it.
#ifndef BANGER_GUEST_AGENT_SESSION_H
#define BANGER_GUEST_AGENT_SESSION_H

#include <stdint.h>
#include <sys/types.h>

/// Takes a first frame of session_frames.h. All stays the caller's, to be closed right after this
/// call: the process has its own.
void agent_session_take(int connection, unsigned char type, const unsigned char* payload,
                        uint32_t size);

/// Call for each process that waitpid(2) tells of; others than of sessions are left alone.
void agent_session_reaped(pid_t pid);

/// Has the kernel grant as many inotify instances as there can be attach processes.
void agent_session_raise_limits(void);

#endif
