// Listing and deleting sessions, each in a process of its own, which has nothing else open.
#ifndef BANGER_GUEST_SESSION_MANAGE_H
#define BANGER_GUEST_SESSION_MANAGE_H

#include <stddef.h>

/// Serve an 'L' or 'D' frame on `connection`.
_Noreturn void session_list_run(int connection, const unsigned char* payload, size_t size);
_Noreturn void session_delete_run(int connection, const unsigned char* payload, size_t size);

#endif
