// An attach process: serves an attach to a session that has no host any more.
#ifndef BANGER_GUEST_SESSION_ATTACH_PROCESS_H
#define BANGER_GUEST_SESSION_ATTACH_PROCESS_H

#include <stddef.h>

/// Serves an 'A' frame on `connection` to its end. In a process of its own, which has nothing else
/// open.
_Noreturn void session_attach_run(int connection, const unsigned char* payload, size_t size);

#endif
