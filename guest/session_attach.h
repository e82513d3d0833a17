// An attach process: reads a session's journal for one connection, and passes its input on.
#ifndef BANGER_GUEST_SESSION_ATTACH_H
#define BANGER_GUEST_SESSION_ATTACH_H

#include "guest/session_frames.h"

/// Serves an 'A' frame on `connection` to its end. In a process of its own, which has nothing else
/// open.
_Noreturn void session_attach_run(int connection, const unsigned char* payload, size_t size);

#endif
