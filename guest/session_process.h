// What processes that serve a connection to a session have in common.
#ifndef BANGER_GUEST_SESSION_PROCESS_H
#define BANGER_GUEST_SESSION_PROCESS_H

/// Makes this process one that anybody may end, also when memory is short.
void session_process_set_up(const char* name);

#endif
