// The commands that run: each with the control connection it reports to and is signalled by.
#ifndef BANGER_GUEST_AGENT_COMMAND_H
#define BANGER_GUEST_AGENT_COMMAND_H

#include "agent_protocol.h"
#include "agent_spawn.h"

struct pollfd;

enum { command_poll_max = 2 * BANGER_MAX_COMMANDS }; ///< entries that command_poll fills at most

/// Starts a command, or answers 'F' on `control`.
/// @param control  the 'X' connection; owned from here on
/// @param payload  what `request` points into; both owned from here on
/// @param stdio, error_output  stay the caller's, to be closed right after this call
void command_start(int control, unsigned char* payload, struct exec_request request, int stdio,
                   int error_output);

int command_poll(struct pollfd* out);
int command_timeout(void);
void command_work(const struct pollfd* fds, int count);

/// Call for each process that waitpid(2) tells of; others than commands are left alone.
void command_reaped(pid_t pid, int status);

/// Treats every command as if its control connection had closed.
void command_end_all(void);

#endif
