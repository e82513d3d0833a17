// What a connection sends to a session: credit, and what is for the host. In an attach process.
#ifndef BANGER_GUEST_SESSION_UPSTREAM_H
#define BANGER_GUEST_SESSION_UPSTREAM_H

#include <stdbool.h>
#include <stdint.h>

struct pollfd;

enum { upstream_poll_max = 3 };

void upstream_open(int connection, const char* id, bool is_read_only);

/// Fills `out`; the first is always the connection, whose POLLOUT is left to the caller.
int upstream_poll(struct pollfd* out);

/// Reads, and passes on. @param credit  is added to
/// @returns false where the connection is over
bool upstream_work(const struct pollfd* fds, int count, uint64_t* credit);

#endif
